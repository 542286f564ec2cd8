#pragma once

#include <string>
#include <vector>

#include "lib/dhcp/address.hpp"
#include "lib/netlink/socket.hpp"

// The packet filter's part of an isolated network, as one transaction of nf_tables messages: all of
// it holds, or nothing.
namespace osiekit::bridge {

// All bridges of ours begin so; the rules of one must not cut off another.
inline constexpr std::string_view bridge_prefix = "osie";

struct NatRules {
    std::string bridge;  // its name, and that of the table
    Ipv4 subnet;
    unsigned prefix_length = 24;
    // The machine forwarded no packets before: what is not to or from a bridge stays where it is.
    bool only_bridges = true;
};

// Makes the table anew, also where a killed agent has left one of this name. In it: what leaves the
// bridge's subnet for elsewhere gets the machine's address; the sandbox reaches what the machine
// reaches; who is not the machine reaches the sandbox only with answers, other sandboxes neither.
std::vector<NamedMessage> add_nat_rules(const NatRules& rules);
// A missing table is not an error.
std::vector<NamedMessage> remove_nat_rules(const std::string& bridge);

}  // namespace osiekit::bridge
