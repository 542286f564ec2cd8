#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/dhcp/address.hpp"

namespace osiekit::netboot {

struct UdpEndpoint {
    Ipv4 address;
    std::uint16_t port = 0;
};

// An IPv4 packet with a UDP datagram in it, checksums included (RFC 791, RFC 768), for a packet
// socket that adds the Ethernet header.
std::string udp_frame(UdpEndpoint from, UdpEndpoint to, std::string_view payload);

// The Internet checksum (RFC 1071) of bytes; 0 over bytes that contain a right checksum.
std::uint16_t internet_checksum(std::string_view bytes);

}  // namespace osiekit::netboot
