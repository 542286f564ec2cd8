#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "init/network/network_config.hpp"
#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"

namespace osiekit::init {

// The kernel argument ipam=, with which an interface is configured without DHCP.
struct StaticConfig {
    MacAddress mac;
    std::optional<std::uint16_t> vlan_id;
    NetworkConfig network;
    std::vector<std::string> ntp_names;  // time servers that were given by name
};

constexpr std::size_t largest_ipam = 4096;  // bytes; a kernel command line has no more

// Tinkerbell's form, nine fields with ':' between:
// <mac with dashes>:<vlan>:<ip>:<netmask>:<gateway>:<hostname>:<dns,…>:<search,…>:<ntp,…>
// MAC, address and netmask are required; trailing fields may be missing. Errors: kind invalid_input
// naming the field.
Result<StaticConfig> parse_ipam(std::string_view text);

}  // namespace osiekit::init
