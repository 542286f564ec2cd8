#pragma once

#include <string>
#include <vector>

#include "init/network/netlink.hpp"
#include "init/network/network_config.hpp"
#include "lib/base/result.hpp"

namespace osiekit::init {

// What osie-init asks of the kernel's network, each by one message.
Result<std::vector<Link>> list_links(RouteSocket& socket);
Status set_link_up(RouteSocket& socket, int index);
Status set_mtu(RouteSocket& socket, int index, std::uint16_t mtu);
// Makes <name> on top of interface `parent`; one that exists already is success.
Status add_vlan(RouteSocket& socket, int parent, const std::string& name, std::uint16_t id);
Status add_address(RouteSocket& socket, int index, const NetworkConfig& config);
Status remove_address(RouteSocket& socket, int index, const NetworkConfig& config);
// A gateway outside the interface's own subnet is reached directly on the link.
Status add_route(RouteSocket& socket, int index, const dhcp::Route& route,
                 const NetworkConfig& config);

// Gives the interface its MTU, address and routes. A refused MTU or route is reported in `problems`
// and does not keep the rest from being set.
Status apply_config(RouteSocket& socket, int index, const NetworkConfig& config,
                    std::vector<std::string>& problems);

}  // namespace osiekit::init
