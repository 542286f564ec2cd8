#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/dhcp/address.hpp"

// Which addresses an isolated network can have.
namespace osiekit::bridge {

// A network of IPv4 addresses, as in a table of routes.
struct Subnet {
    Ipv4 address;
    unsigned prefix_length = 0;
    bool operator==(const Subnet&) const = default;
};
bool overlap(const Subnet& one, const Subnet& other);

inline constexpr unsigned address_bits = 32;
inline constexpr unsigned bridge_prefix_length = 24;
inline constexpr std::uint32_t most_bridges = 32;

// The first of our subnets (all of them for private use, RFC 1918) that none of those overlaps;
// nullopt if all do. A default route overlaps nothing.
std::optional<Subnet> free_subnet(const std::vector<Subnet>& used);

// The IPv4 addresses of the name servers in the text of resolv.conf(5).
std::vector<Ipv4> name_servers(std::string_view resolv_conf);

// The destination in the payload of RTM_NEWROUTE; nullopt for other tables than main and local, and
// for other families than IPv4.
std::optional<Subnet> parse_route(std::string_view payload);

}  // namespace osiekit::bridge
