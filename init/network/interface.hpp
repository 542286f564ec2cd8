#pragma once

#include <string>
#include <vector>

#include "init/network/network_config.hpp"
#include "lib/base/result.hpp"
#include "lib/netlink/link.hpp"

namespace osiekit::init {

// What osie-init asks of the kernel's network, each by one message.
Status set_link_up(NetlinkSocket& socket, int index);
Status set_mtu(NetlinkSocket& socket, int index, std::uint16_t mtu);
// Makes <name> on top of interface `parent`; one that exists already is success.
Status add_vlan(NetlinkSocket& socket, int parent, const std::string& name, std::uint16_t id);
Status add_address(NetlinkSocket& socket, int index, const NetworkConfig& config);
Status remove_address(NetlinkSocket& socket, int index, const NetworkConfig& config);
// A gateway outside the interface's own subnet is reached directly on the link.
Status add_route(NetlinkSocket& socket, int index, const dhcp::Route& route,
                 const NetworkConfig& config);

// Gives the interface its MTU, address and routes. A refused MTU or route is reported in `problems`
// and does not keep the rest from being set.
Status apply_config(NetlinkSocket& socket, int index, const NetworkConfig& config,
                    std::vector<std::string>& problems);

}  // namespace osiekit::init
