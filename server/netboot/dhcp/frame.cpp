#include "server/netboot/dhcp/frame.hpp"

#include "lib/base/bytes.hpp"

namespace osiekit::netboot {
namespace {

constexpr std::uint8_t udp_protocol = 17;
constexpr std::uint16_t ip_header_size = 20;
constexpr std::uint16_t udp_header_size = 8;
constexpr std::uint8_t hop_limit = 64;

void put_u16(std::string& bytes, std::size_t at, std::uint16_t value) {
    bytes[at] = static_cast<char>(value >> 8U);
    bytes[at + 1] = static_cast<char>(value);
}

}  // namespace

std::uint16_t internet_checksum(std::string_view bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::uint32_t byte = static_cast<unsigned char>(bytes[i]);
        sum += i % 2 == 0 ? byte << 8U : byte;
    }
    while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

std::string udp_frame(UdpEndpoint from, UdpEndpoint to, std::string_view payload) {
    const auto udp_size = static_cast<std::uint16_t>(udp_header_size + payload.size());
    ByteWriter ip;
    ip.u8(0x45);  // version 4, header of five words
    ip.u8(0);
    ip.u16(static_cast<std::uint16_t>(ip_header_size + udp_size));
    ip.u16(0);
    ip.u16(0x4000);  // not to be fragmented
    ip.u8(hop_limit);
    ip.u8(udp_protocol);
    ip.u16(0);
    ip.u32(from.address.value());
    ip.u32(to.address.value());
    put_u16(ip.bytes(), 10, internet_checksum(ip.bytes()));

    ByteWriter udp;
    udp.u16(from.port);
    udp.u16(to.port);
    udp.u16(udp_size);
    udp.u16(0);
    udp.raw(payload);
    ByteWriter pseudo;
    pseudo.u32(from.address.value());
    pseudo.u32(to.address.value());
    pseudo.u16(udp_protocol);
    pseudo.u16(udp_size);
    auto checksum = internet_checksum(pseudo.bytes() + udp.bytes());
    put_u16(udp.bytes(), 6, checksum == 0 ? 0xffff : checksum);
    return ip.bytes() + udp.bytes();
}

}  // namespace osiekit::netboot
