#include "lib/netlink/link.hpp"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace osiekit {
namespace {

std::string text_of(std::string_view value) {
    return std::string(value.substr(0, value.find('\0')));
}

}  // namespace

NetlinkMessage link_message(std::uint16_t type, unsigned flags, int index, unsigned set) {
    ifinfomsg info{};
    info.ifi_family = AF_UNSPEC;
    info.ifi_index = index;
    info.ifi_flags = set;
    info.ifi_change = set;
    return {type, static_cast<std::uint16_t>(flags | NLM_F_ACK), bytes_of(info)};
}

NetlinkMessage address_message(std::uint16_t type, unsigned flags, int index, Ipv4 address,
                               unsigned prefix_length) {
    ifaddrmsg info{};
    info.ifa_family = AF_INET;
    info.ifa_prefixlen = static_cast<unsigned char>(prefix_length);
    info.ifa_index = static_cast<unsigned>(index);
    NetlinkMessage message(type, static_cast<std::uint16_t>(flags | NLM_F_ACK), bytes_of(info));
    message.attribute(IFA_LOCAL, address.bytes());
    message.attribute(IFA_ADDRESS, address.bytes());
    return message;
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
    for (const auto& [type, value] : parse_attributes(payload.substr(sizeof info))) {
        if (type == IFLA_IFNAME) {
            link.name = text_of(value);
        } else if (type == IFLA_IFALIAS) {
            link.alias = text_of(value);
        } else if (type == IFLA_MASTER) {
            (void)read_struct(value, link.master);
        } else if (type == IFLA_ADDRESS) {
            if (auto address = MacAddress::from_bytes(value)) {
                link.mac = *address;
                mac = true;
            }
        } else if (type == IFLA_LINKINFO) {
            // Software devices say which kind they are; network cards have no kind.
            for (const NetlinkAttribute& inner : parse_attributes(value))
                if (inner.type == IFLA_INFO_KIND) link.hardware = false;
        }
    }
    link.ethernet = info.ifi_type == ARPHRD_ETHER && mac;
    if (link.name.empty()) return std::nullopt;
    return link;
}

Result<std::vector<Link>> list_links(NetlinkSocket& socket) {
    ifinfomsg info{};
    std::vector<Link> links;
    NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP, bytes_of(info));
    Status status = socket.dump(std::move(message), [&links](const NetlinkReply& reply) {
        if (reply.type != RTM_NEWLINK) return;
        if (auto link = parse_link(reply.payload)) links.push_back(std::move(*link));
    });
    if (!status) return std::move(status).context("listing the network interfaces").error();
    return links;
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

}  // namespace osiekit
