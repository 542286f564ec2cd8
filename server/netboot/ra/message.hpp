#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/dhcp/address.hpp"

namespace osiekit::netboot::ra {

constexpr std::uint8_t router_solicitation = 133;
constexpr std::uint8_t router_advertisement = 134;

// The Ethernet address of who sent this router solicitation (RFC 4861 section 4.1): its source
// link-layer option, else the one inside the EUI-64 of `source`, a link-local address of 16 bytes.
// nullopt for anything else.
std::optional<MacAddress> solicitor(std::string_view message, std::string_view source);

// True for an advertisement of a router that offers itself: such a link needs none of ours.
bool is_real_router(std::string_view message);

// "Here is no router": lifetime 0, no flags, no prefix. The checksum is the kernel's to fill in.
std::string empty_advertisement();

}  // namespace osiekit::netboot::ra
