#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/dhcp/address.hpp"

namespace osiekit::dhcp {

// UDP over IPv4 by hand (RFC 768, RFC 791), for packet sockets: a DHCP client without an address
// cannot use the kernel's UDP, nor can a server reach it that way.
struct UdpEnds {
    Ipv4 source;
    Ipv4 destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
};

// The IP packet. The payload must be at most 65507 bytes.
std::string encode_udp(const UdpEnds& ends, std::string_view payload);

struct UdpFrame {
    UdpEnds ends;
    std::string_view payload;  // into the packet that was read
};
// Reads an IP packet (from the IP header on). What is not a whole, valid UDP packet is nullopt:
// fragments, wrong lengths, wrong checksums. A virtual network card hands over packets of its own
// host whose UDP checksum was never computed; the kernel says so, and then `checksum_valid` is
// false here and the UDP checksum is not looked at.
std::optional<UdpFrame> decode_udp(std::string_view packet, bool checksum_valid);

}  // namespace osiekit::dhcp
