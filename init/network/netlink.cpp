#include "init/network/netlink.hpp"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

namespace osiekit::init {
namespace {

constexpr std::size_t receive_size = 32768;  // the kernel fills at most this in a dump

template <typename T>
std::string_view bytes_of(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Copies a structure out of bytes that need not be aligned.
template <typename T>
bool read_struct(std::string_view bytes, T& out) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes.size() < sizeof out) return false;
    std::memcpy(&out, bytes.data(), sizeof out);
    return true;
}

std::size_t aligned(std::size_t size) {
    return (size + 3U) & ~std::size_t{3};
}

template <typename Each>
void each_attribute(std::string_view bytes, Each each) {
    rtattr header{};
    while (read_struct(bytes, header) && header.rta_len >= sizeof header &&
           header.rta_len <= bytes.size()) {
        each(header.rta_type & NLA_TYPE_MASK,
             bytes.substr(sizeof header, header.rta_len - sizeof header));
        bytes.remove_prefix(std::min(aligned(header.rta_len), bytes.size()));
    }
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags,
                               std::string_view fixed_part) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    bytes_ = bytes_of(header);
    bytes_ += fixed_part;
    bytes_.resize(aligned(bytes_.size()), '\0');
}

void NetlinkMessage::attribute(std::uint16_t type, std::string_view value) {
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<std::uint16_t>(sizeof header + value.size());
    bytes_ += bytes_of(header);
    bytes_ += value;
    bytes_.resize(aligned(bytes_.size()), '\0');
}

void NetlinkMessage::attribute_u32(std::uint16_t type, std::uint32_t value) {
    attribute(type, bytes_of(value));
}

void NetlinkMessage::attribute_u16(std::uint16_t type, std::uint16_t value) {
    attribute(type, bytes_of(value));
}

std::size_t NetlinkMessage::begin(std::uint16_t type) {
    std::size_t start = bytes_.size();
    attribute(type, {});
    return start;
}

void NetlinkMessage::end(std::size_t start) {
    auto length = static_cast<std::uint16_t>(bytes_.size() - start);
    std::memcpy(bytes_.data() + start, &length, sizeof length);
}

std::string NetlinkMessage::finish(std::uint32_t sequence) {
    nlmsghdr header{};
    std::memcpy(&header, bytes_.data(), sizeof header);
    header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    header.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &header, sizeof header);
    return std::move(bytes_);
}

std::vector<NetlinkReply> parse_netlink(std::string_view datagram) {
    std::vector<NetlinkReply> replies;
    nlmsghdr header{};
    while (read_struct(datagram, header) && header.nlmsg_len >= sizeof header &&
           header.nlmsg_len <= datagram.size()) {
        replies.push_back({header.nlmsg_type, header.nlmsg_seq,
                           datagram.substr(sizeof header, header.nlmsg_len - sizeof header)});
        datagram.remove_prefix(std::min(aligned(header.nlmsg_len), datagram.size()));
    }
    return replies;
}

std::optional<Link> parse_link(std::string_view payload) {
    ifinfomsg info{};
    if (!read_struct(payload, info)) return std::nullopt;
    Link link;
    link.index = info.ifi_index;
    link.up = (info.ifi_flags & IFF_UP) != 0;
    link.carrier = (info.ifi_flags & IFF_LOWER_UP) != 0;
    link.hardware = true;
    bool mac = false;
    each_attribute(payload.substr(sizeof info), [&](unsigned type, std::string_view value) {
        if (type == IFLA_IFNAME) {
            link.name = value.substr(0, value.find('\0'));
        } else if (type == IFLA_ADDRESS) {
            if (auto address = MacAddress::from_bytes(value)) {
                link.mac = *address;
                mac = true;
            }
        } else if (type == IFLA_LINKINFO) {
            // Software devices say which kind they are; network cards have no kind.
            each_attribute(value, [&](unsigned inner, std::string_view) {
                if (inner == IFLA_INFO_KIND) link.hardware = false;
            });
        }
    });
    link.ethernet = info.ifi_type == ARPHRD_ETHER && mac;
    if (link.name.empty()) return std::nullopt;
    return link;
}

Result<RouteSocket> RouteSocket::open() {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) return Error::from_errno("talking to the kernel's network");
    // The kernel answers within the call; this only guards against waiting for ever.
    timeval limit{5, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return RouteSocket(std::move(fd));
}

Status RouteSocket::request(NetlinkMessage message) {
    return exchange(std::move(message), [](const NetlinkReply&) {});
}

Status RouteSocket::dump(NetlinkMessage message,
                         const std::function<void(const NetlinkReply&)>& each) {
    return exchange(std::move(message), each);
}

Status RouteSocket::exchange(NetlinkMessage message,
                             const std::function<void(const NetlinkReply&)>& each) {
    std::string bytes = message.finish(++sequence_);
    if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0)
        return Error::from_errno("asking the kernel's network");
    std::string buffer(receive_size, '\0');
    for (;;) {
        ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return Error::from_errno("reading the answer of the kernel's network");
        for (const NetlinkReply& reply :
             parse_netlink({buffer.data(), static_cast<std::size_t>(size)})) {
            if (reply.sequence != sequence_) continue;
            if (reply.type == NLMSG_DONE) return {};
            if (reply.type == NLMSG_ERROR) {
                int code = -EPROTO;
                (void)read_struct(reply.payload, code);
                if (code == 0) return {};
                return Error::from_errno("the kernel's network refuses", -code);
            }
            each(reply);
        }
    }
}

Result<Fd> open_link_events() {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!fd) return Error::from_errno("listening for changes of the network links");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error::from_errno("listening for changes of the network links");
    return fd;
}

}  // namespace osiekit::init
