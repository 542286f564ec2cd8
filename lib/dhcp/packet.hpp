#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"
#include "lib/dhcp/options.hpp"

namespace osiekit::dhcp {

inline constexpr std::uint16_t server_port = 67;
inline constexpr std::uint16_t client_port = 68;

// Sizes in bytes of the UDP payload (RFC 2131 section 2).
inline constexpr std::size_t smallest_packet = 240;  // fixed part and cookie; less is no DHCP
inline constexpr std::size_t padded_packet = 300;  // BOOTP's size; some relays drop shorter packets
inline constexpr std::size_t largest_packet = 65507;     // the most that UDP over IPv4 carries
inline constexpr std::size_t default_reply_limit = 548;  // of a client that sends no option 57
inline constexpr std::size_t largest_hardware_address = 16;
inline constexpr std::size_t sname_size = 64;
inline constexpr std::size_t file_size = 128;

enum class Operation : std::uint8_t { request = 1, reply = 2 };

inline constexpr std::uint8_t ethernet = 1;              // htype
inline constexpr std::uint16_t broadcast_flag = 0x8000;  // in flags

// One DHCPv4 message (RFC 2131, RFC 2132), its options in their order on the wire.
struct Packet {
    Operation op = Operation::request;
    std::uint8_t htype = ethernet;
    std::uint8_t hlen = MacAddress::size;
    std::uint8_t hops = 0;
    std::uint32_t xid = 0;
    std::uint16_t secs = 0;
    std::uint16_t flags = 0;
    Ipv4 ciaddr;
    Ipv4 yiaddr;
    Ipv4 siaddr;
    Ipv4 giaddr;
    std::array<char, largest_hardware_address> chaddr{};
    std::string sname;  // up to the first NUL; empty when it carried options
    std::string file;   // the same
    Options options;    // without 52 (overload), which belongs to the encoding

    bool broadcast() const { return (flags & broadcast_flag) != 0; }
    // The client's address when it is an Ethernet one.
    std::optional<MacAddress> mac() const;
    void set_mac(const MacAddress& mac);  // sets htype and hlen too
    bool operator==(const Packet&) const = default;
};

// Reads a UDP payload. Options in `file` and `sname` (option 52) follow those of the main area;
// repeated codes are concatenated (RFC 3396); bytes behind the end marker are ignored. Errors: kind
// invalid_input for too short, no cookie, unknown op, hlen > 16 or an option that runs past its
// area; kind limit above largest_packet.
Result<Packet> parse(std::string_view bytes);

// Writes a UDP payload: options in their order, long ones split, the end marker, zeros up to
// `pad_to`. Fails with kind invalid_input when sname, file or hlen exceed their fields, kind limit
// when the result exceeds largest_packet.
Result<std::string> build(const Packet& packet, std::size_t pad_to = padded_packet);

}  // namespace osiekit::dhcp
