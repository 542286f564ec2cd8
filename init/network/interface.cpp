#include "init/network/interface.hpp"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cerrno>

namespace osiekit::init {
namespace {

std::string on_interface(std::string_view what, int index) {
    return std::string(what) + " (interface " + std::to_string(index) + ")";
}

bool in_subnet(Ipv4 address, const NetworkConfig& config) {
    std::uint32_t mask = Ipv4::netmask(config.prefix_length).value();
    return (address.value() & mask) == (config.address.value() & mask);
}

}  // namespace

Status set_link_up(NetlinkSocket& socket, int index) {
    return socket.request(link_message(RTM_NEWLINK, 0, index, IFF_UP))
        .context(on_interface("switching the link on", index));
}

Status set_mtu(NetlinkSocket& socket, int index, std::uint16_t mtu) {
    NetlinkMessage message = link_message(RTM_NEWLINK, 0, index, 0);
    message.attribute_u32(IFLA_MTU, mtu);
    return socket.request(std::move(message))
        .context(on_interface("setting the MTU to " + std::to_string(mtu), index));
}

Status add_vlan(NetlinkSocket& socket, int parent, const std::string& name, std::uint16_t id) {
    NetlinkMessage message = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
    message.attribute_u32(IFLA_LINK, static_cast<std::uint32_t>(parent));
    message.attribute_text(IFLA_IFNAME, name);
    std::size_t info = message.begin(IFLA_LINKINFO);
    message.attribute_text(IFLA_INFO_KIND, "vlan");
    std::size_t data = message.begin(IFLA_INFO_DATA);
    message.attribute_u16(IFLA_VLAN_ID, id);
    message.end(data);
    message.end(info);
    Status status = socket.request(std::move(message));
    if (!status && status.error().error_number() == EEXIST) return {};
    return std::move(status).context("making the VLAN interface " + name);
}

Status add_address(NetlinkSocket& socket, int index, const NetworkConfig& config) {
    NetlinkMessage message = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index,
                                             config.address, config.prefix_length);
    if (config.prefix_length < 31) {
        Ipv4 broadcast(config.address.value() | ~Ipv4::netmask(config.prefix_length).value());
        message.attribute(IFA_BROADCAST, broadcast.bytes());
    }
    return socket.request(std::move(message))
        .context(on_interface("setting the address " + config.address.to_string(), index));
}

Status remove_address(NetlinkSocket& socket, int index, const NetworkConfig& config) {
    Status status = socket.request(
        address_message(RTM_DELADDR, 0, index, config.address, config.prefix_length));
    if (!status && status.error().error_number() == EADDRNOTAVAIL) return {};
    return std::move(status).context(
        on_interface("removing the address " + config.address.to_string(), index));
}

Status add_route(NetlinkSocket& socket, int index, const dhcp::Route& route,
                 const NetworkConfig& config) {
    bool direct = route.gateway.is_zero();
    rtmsg info{};
    info.rtm_family = AF_INET;
    info.rtm_dst_len = static_cast<unsigned char>(route.prefix_length);
    info.rtm_table = RT_TABLE_MAIN;
    info.rtm_protocol = RTPROT_DHCP;
    info.rtm_type = RTN_UNICAST;
    info.rtm_scope = direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    if (!direct && !in_subnet(route.gateway, config)) info.rtm_flags = RTNH_F_ONLINK;
    NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, bytes_of(info));
    if (route.prefix_length != 0) message.attribute(RTA_DST, route.destination.bytes());
    if (!direct) message.attribute(RTA_GATEWAY, route.gateway.bytes());
    message.attribute_u32(RTA_OIF, static_cast<std::uint32_t>(index));
    return socket.request(std::move(message))
        .context(on_interface("setting the route to " + route.destination.to_string() + "/" +
                                  std::to_string(route.prefix_length) + " by " +
                                  route.gateway.to_string(),
                              index));
}

Status apply_config(NetlinkSocket& socket, int index, const NetworkConfig& config,
                    std::vector<std::string>& problems) {
    if (config.mtu)
        if (Status status = set_mtu(socket, index, *config.mtu); !status)
            problems.push_back(status.error().to_string());
    OSIEKIT_TRY(add_address(socket, index, config));
    // Direct routes first: a gateway may be behind one of them.
    for (bool direct : {true, false})
        for (const dhcp::Route& route : config.routes)
            if (route.gateway.is_zero() == direct)
                if (Status status = add_route(socket, index, route, config); !status)
                    problems.push_back(status.error().to_string());
    return {};
}

}  // namespace osiekit::init
