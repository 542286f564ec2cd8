#pragma once

#include <sys/types.h>

#include <string>

#include "lib/dhcp/address.hpp"
#include "lib/netlink/socket.hpp"

// What is asked of the kernel's routing service for an isolated network, each as a message
// (rtnetlink(7)).
namespace osiekit::bridge {

NamedMessage make_bridge(const std::string& name);
NamedMessage set_note(const std::string& name, const std::string& note);
NamedMessage switch_on(int index);
NamedMessage set_address(int index, Ipv4 address, unsigned prefix_length);
// Two cards that are each other's wire: `name`, a port of the bridge, and eth0 in the network
// namespace of the process.
NamedMessage make_pair(const std::string& name, int bridge, pid_t process);
NamedMessage remove_link(const std::string& name);
NamedMessage list_routes();

}  // namespace osiekit::bridge
