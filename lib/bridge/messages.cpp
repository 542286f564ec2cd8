#include "lib/bridge/messages.hpp"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "lib/netlink/link.hpp"

namespace osiekit::bridge {
namespace {

constexpr unsigned make_new = NLM_F_CREATE | NLM_F_EXCL;

}  // namespace

NamedMessage make_bridge(const std::string& name) {
    NetlinkMessage message = link_message(RTM_NEWLINK, make_new, 0);
    message.attribute_text(IFLA_IFNAME, name);
    std::size_t info = message.begin(IFLA_LINKINFO);
    message.attribute_text(IFLA_INFO_KIND, "bridge");
    message.end(info);
    return {"making the bridge " + name, std::move(message)};
}

NamedMessage set_note(const std::string& name, const std::string& note) {
    NetlinkMessage message = link_message(RTM_SETLINK, 0, 0);
    message.attribute_text(IFLA_IFNAME, name);
    message.attribute(IFLA_IFALIAS, note);
    return {"noting what the bridge is", std::move(message)};
}

NamedMessage switch_on(int index) {
    return {"switching the bridge on", link_message(RTM_NEWLINK, 0, index, IFF_UP)};
}

NamedMessage set_address(int index, Ipv4 address, unsigned prefix_length) {
    return {"giving the bridge the address " + address.to_string(),
            address_message(RTM_NEWADDR, make_new, index, address, prefix_length)};
}

NamedMessage make_pair(const std::string& name, int bridge, pid_t process) {
    NetlinkMessage message = link_message(RTM_NEWLINK, make_new, 0, IFF_UP);
    message.attribute_text(IFLA_IFNAME, name);
    message.attribute_u32(IFLA_MASTER, static_cast<std::uint32_t>(bridge));
    std::size_t info = message.begin(IFLA_LINKINFO);
    message.attribute_text(IFLA_INFO_KIND, "veth");
    std::size_t data = message.begin(IFLA_INFO_DATA);
    std::size_t peer = message.begin(VETH_INFO_PEER);
    message.raw(bytes_of(ifinfomsg{}));
    message.attribute_text(IFLA_IFNAME, "eth0");
    message.attribute_u32(IFLA_NET_NS_PID, static_cast<std::uint32_t>(process));
    message.end(peer);
    message.end(data);
    message.end(info);
    return {"making the pair of cards (veth)", std::move(message)};
}

NamedMessage remove_link(const std::string& name) {
    NetlinkMessage message = link_message(RTM_DELLINK, 0, 0);
    message.attribute_text(IFLA_IFNAME, name);
    return {"removing " + name, std::move(message)};
}

NamedMessage list_routes() {
    rtmsg info{};
    info.rtm_family = AF_INET;
    return {"listing the routes", NetlinkMessage(RTM_GETROUTE, NLM_F_DUMP, bytes_of(info))};
}

}  // namespace osiekit::bridge
