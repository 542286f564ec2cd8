#include "server/netboot/dhcp/listener.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/base/text.hpp"
#include "lib/dhcp/udp_frame.hpp"
#include "server/netboot/sockets.hpp"

namespace osiekit::netboot {
namespace {

constexpr std::size_t largest_received = 4096;
constexpr Ipv4 everyone(255, 255, 255, 255);

struct PacketInfo {
    int interface_index = 0;
};

PacketInfo packet_info(msghdr& message) {
    PacketInfo info;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO) continue;
        in_pktinfo data{};
        std::memcpy(&data, CMSG_DATA(c), sizeof data);
        info.interface_index = data.ipi_ifindex;
    }
    return info;
}

}  // namespace

Result<std::unique_ptr<DhcpListener>> DhcpListener::start(const Settings& settings,
                                                          const ipxe::Binaries& binaries,
                                                          const MachineLookup& lookup,
                                                          const EventSink& sink, SeenMachines& seen,
                                                          const Logger& logger) {
    std::unique_ptr<DhcpListener> self(
        new DhcpListener(settings, binaries, lookup, sink, seen, logger));
    // Broadcasts reach only a socket that is bound to no address.
    in_addr any{};
    any.s_addr = htonl(INADDR_ANY);
    OSIEKIT_ASSIGN(
        self->socket_,
        open_udp(any, settings.dhcp_port, settings.interface).context("starting the DHCP server"));
    int on = 1;
    if (::setsockopt(self->socket_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0)
        return Error::from_errno("asking for the interface of DHCP packets");
    OSIEKIT_ASSIGN(self->port_, local_port(self->socket_.get()));
    if (auto mtu = interface_mtu(settings.interface); mtu > 0) self->mtu_ = mtu;
    self->frames_ = Fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!self->frames_)
        logger.warning("DHCP: no packet socket (" +
                       Error::from_errno("CAP_NET_RAW is missing").to_string() +
                       "), replies to clients without an address are broadcast");
    OSIEKIT_TRY(self->thread_.start(self->socket_.get(), [raw = self.get()] {
        while (!raw->thread_.stopping() && raw->receive_one()) {
        }
    }));
    return self;
}

bool DhcpListener::receive_one() {
    std::array<char, largest_received> buffer;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control;
    sockaddr_in peer{};
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
    Arrival arrival{Ipv4(ntohl(peer.sin_addr.s_addr)), ntohs(peer.sin_port), mtu_};
    handle({buffer.data(), static_cast<std::size_t>(n)}, arrival,
           packet_info(message).interface_index);
    return true;
}

void DhcpListener::handle(std::string_view bytes, Arrival arrival, int interface_index) {
    auto packet = dhcp::parse(bytes);
    if (!packet) {
        logger_.debug("DHCP from " + arrival.source.to_string() +
                      " ignored: " + packet.error().to_string());
        return;
    }
    auto outcome = respond(*packet, arrival, settings_, binaries_, lookup_);
    if (outcome.client && outcome.reply)
        seen_.saw(outcome.machine->mac, outcome.machine->address,
                  outcome.client->kind == ClientKind::ipxe, SeenMachines::Clock::now());
    if (outcome.reply) send(*outcome.reply, interface_index);
    bool stranger = outcome.event && !outcome.client;
    if (stranger && !strangers_.worth_telling(*outcome.event->mac, Strangers::Clock::now())) return;
    if (outcome.event) sink_(*outcome.event);
}

void DhcpListener::send(const Reply& reply, int interface_index) {
    auto payload = dhcp::build(reply.packet);
    if (!payload) {
        logger_.error("DHCP reply: " + payload.error().to_string());
        return;
    }
    const auto& to = reply.destination;
    bool sent =
        to.way == Destination::Way::hardware && send_to_hardware(reply, *payload, interface_index);
    if (sent) return;
    auto address = to.way == Destination::Way::unicast ? to.address : everyone;
    send_udp(*payload, address, to.port, interface_index);
}

bool DhcpListener::send_to_hardware(const Reply& reply, std::string_view payload,
                                    int interface_index) {
    auto mac = reply.packet.mac();
    if (!frames_ || !mac || interface_index == 0) return false;
    auto frame = dhcp::encode_udp(
        {settings_.address, reply.destination.address, port_, reply.destination.port}, payload);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETHERTYPE_IP);
    to.sll_ifindex = interface_index;
    to.sll_halen = MacAddress::size;
    std::copy(mac->array().begin(), mac->array().end(), to.sll_addr);
    auto n = ::sendto(frames_.get(), frame.data(), frame.size(), 0,
                      reinterpret_cast<const sockaddr*>(&to), sizeof to);
    return n == static_cast<ssize_t>(frame.size());
}

void DhcpListener::send_udp(std::string_view payload, Ipv4 address, std::uint16_t port,
                            int interface_index) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(address.value());
    to.sin_port = htons(port);
    iovec piece{const_cast<char*>(payload.data()), payload.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control{};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    // Out of the interface the question came by, from the address that option 54 names.
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(settings_.address.value());
    if (address == everyone) info.ipi_ifindex = interface_index;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    if (::sendmsg(socket_.get(), &message, 0) < 0)
        logger_.warning(Error::from_errno("sending a DHCP reply to " + to_text(to)).to_string());
}

}  // namespace osiekit::netboot
