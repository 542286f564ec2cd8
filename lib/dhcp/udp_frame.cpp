#include "lib/dhcp/udp_frame.hpp"

#include "lib/base/bytes.hpp"

namespace osiekit::dhcp {
namespace {

constexpr std::size_t ip_header = 20;
constexpr std::size_t udp_header = 8;
constexpr std::uint8_t udp_protocol = 17;
constexpr std::uint8_t time_to_live = 64;
constexpr std::uint16_t fragment_bits = 0x3fff;  // "more fragments" and the offset

// The Internet checksum's sum, not yet inverted (RFC 1071).
std::uint32_t sum(std::string_view bytes, std::uint32_t start = 0) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto byte = static_cast<unsigned char>(bytes[i]);
        start += i % 2 == 0 ? std::uint32_t{byte} << 8U : byte;
    }
    while (start > 0xffff) start = (start & 0xffffU) + (start >> 16U);
    return start;
}

std::uint16_t inverted(std::uint32_t value) {
    return static_cast<std::uint16_t>(~value);
}

std::uint32_t pseudo_header_sum(const UdpEnds& ends, std::size_t length) {
    ByteWriter writer;
    writer.u32(ends.source.value());
    writer.u32(ends.destination.value());
    writer.u16(udp_protocol);
    writer.u16(static_cast<std::uint16_t>(length));
    return sum(writer.bytes());
}

}  // namespace

std::string encode_udp(const UdpEnds& ends, std::string_view payload) {
    auto write_ip = [&](std::uint16_t checksum) {
        ByteWriter ip;
        ip.u8(0x45);
        ip.u8(0x10);  // low delay, as is usual for DHCP
        ip.u16(static_cast<std::uint16_t>(ip_header + udp_header + payload.size()));
        ip.u16(0);
        ip.u16(0x4000);  // not to be fragmented, and so needs no identification (RFC 6864)
        ip.u8(time_to_live);
        ip.u8(udp_protocol);
        ip.u16(checksum);
        ip.u32(ends.source.value());
        ip.u32(ends.destination.value());
        return std::move(ip.bytes());
    };
    auto write_udp = [&](std::uint16_t checksum) {
        ByteWriter udp;
        udp.u16(ends.source_port);
        udp.u16(ends.destination_port);
        udp.u16(static_cast<std::uint16_t>(udp_header + payload.size()));
        udp.u16(checksum);
        udp.raw(payload);
        return std::move(udp.bytes());
    };
    std::uint16_t checksum =
        inverted(sum(write_udp(0), pseudo_header_sum(ends, udp_header + payload.size())));
    if (checksum == 0) checksum = 0xffff;  // 0 means "none"
    return write_ip(inverted(sum(write_ip(0)))) + write_udp(checksum);
}

std::optional<UdpFrame> decode_udp(std::string_view packet, bool checksum_valid) {
    ByteReader reader(packet);
    std::uint8_t version = reader.u8();
    reader.u8();
    std::uint16_t total = reader.u16();
    reader.u16();
    std::uint16_t fragment = reader.u16();
    reader.u8();
    std::uint8_t protocol = reader.u8();
    reader.u16();
    UdpFrame frame;
    frame.ends.source = Ipv4(reader.u32());
    frame.ends.destination = Ipv4(reader.u32());
    std::size_t header = (version & 0x0fU) * std::size_t{4};
    if (reader.failed() || version >> 4U != 4 || header < ip_header || total > packet.size() ||
        total < header + udp_header || protocol != udp_protocol || (fragment & fragment_bits) != 0)
        return std::nullopt;
    if (sum(packet.substr(0, header)) != 0xffff) return std::nullopt;
    std::string_view udp = packet.substr(header, total - header);
    ByteReader udp_reader(udp);
    frame.ends.source_port = udp_reader.u16();
    frame.ends.destination_port = udp_reader.u16();
    std::uint16_t length = udp_reader.u16();
    std::uint16_t checksum = udp_reader.u16();
    if (length < udp_header || length > udp.size()) return std::nullopt;
    udp = udp.substr(0, length);
    if (checksum_valid && checksum != 0 &&
        sum(udp, pseudo_header_sum(frame.ends, length)) != 0xffff)
        return std::nullopt;
    frame.payload = udp.substr(udp_header);
    return frame;
}

}  // namespace osiekit::dhcp
