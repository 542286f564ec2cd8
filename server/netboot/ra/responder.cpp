#include "server/netboot/ra/responder.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <sys/socket.h>

#include <array>

#include "server/netboot/ra/message.hpp"
#include "server/netboot/sockets.hpp"

namespace osiekit::netboot::ra {
namespace {

constexpr int neighbour_hop_limit = 255;  // RFC 4861 section 6.1: anything less was forwarded

template <typename T>
Status set_option(int socket, int level, int name, const T& value, const char* what) {
    if (::setsockopt(socket, level, name, &value, sizeof value) == 0) return {};
    return Error::from_errno(what);
}

Status configure(int socket, const std::string& interface) {
    if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                     static_cast<socklen_t>(interface.size())) != 0)
        return Error::from_errno("binding to the interface " + interface);
    icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(router_solicitation, &filter);
    ICMP6_FILTER_SETPASS(router_advertisement, &filter);
    OSIEKIT_TRY(set_option(socket, IPPROTO_ICMPV6, ICMP6_FILTER, filter, "filtering ICMPv6"));
    OSIEKIT_TRY(set_option(socket, IPPROTO_IPV6, IPV6_UNICAST_HOPS, neighbour_hop_limit,
                           "setting the hop limit"));
    OSIEKIT_TRY(set_option(socket, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "asking for the hop limit"));
    ipv6_mreq group{};
    ::inet_pton(AF_INET6, "ff02::2", &group.ipv6mr_multiaddr);  // all routers
    group.ipv6mr_interface = ::if_nametoindex(interface.c_str());
    return set_option(socket, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, group,
                      "joining the group of all routers");
}

int hop_limit(msghdr& message) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_HOPLIMIT) continue;
        int value = 0;
        std::copy_n(CMSG_DATA(c), sizeof value, reinterpret_cast<unsigned char*>(&value));
        return value;
    }
    return 0;
}

}  // namespace

Result<std::unique_ptr<Responder>> Responder::start(const std::string& interface,
                                                    const SeenMachines& seen,
                                                    const EventSink& sink) {
    std::unique_ptr<Responder> self(new Responder(seen, sink));
    self->socket_ = Fd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6));
    if (!self->socket_) return Error::from_errno("making a raw ICMPv6 socket");
    OSIEKIT_TRY(configure(self->socket_.get(), interface));
    OSIEKIT_TRY(self->thread_.start(self->socket_.get(), [raw = self.get()] {
        while (!raw->thread_.stopping() && raw->receive_one()) {
        }
    }));
    return self;
}

bool Responder::receive_one() {
    std::array<char, 1500> buffer;
    alignas(cmsghdr) std::array<char, 64> control;
    sockaddr_in6 peer{};
    iovec piece{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto n = ::recvmsg(socket_.get(), &message, 0);
    if (n < 0) return errno == EINTR;
    if (hop_limit(message) != neighbour_hop_limit) return true;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (is_real_router(bytes)) real_router_ = true;
    std::string_view source(reinterpret_cast<const char*>(&peer.sin6_addr), sizeof peer.sin6_addr);
    auto mac = solicitor(bytes, source);
    if (mac && !real_router_ && seen_.runs_ipxe(*mac, SeenMachines::Clock::now()))
        answer(*mac, peer);
    return true;
}

void Responder::answer(const MacAddress& mac, const sockaddr_in6& peer) {
    if (IN6_IS_ADDR_LINKLOCAL(&peer.sin6_addr) == 0) return;
    sockaddr_in6 to = peer;
    to.sin6_port = 0;
    auto message = empty_advertisement();
    auto n = ::sendto(socket_.get(), message.data(), message.size(), 0,
                      reinterpret_cast<const sockaddr*>(&to), sizeof to);
    // A young interface has no address of its own yet; the client solicits again.
    if (n >= 0) sink_({mac, "ra.sent", "no IPv6 router here, said to iPXE"});
}

}  // namespace osiekit::netboot::ra
