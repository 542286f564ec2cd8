#include "server/netboot/ra/message.hpp"

#include <array>

#include "lib/base/bytes.hpp"

namespace osiekit::netboot::ra {
namespace {

constexpr std::uint8_t source_link_layer_address = 1;
constexpr std::size_t option_unit = 8;
constexpr std::size_t ipv6_size = 16;

// Link-local fe80::/64 with the interface part xx:xx:xx:ff:fe:xx:xx:xx.
std::optional<MacAddress> from_eui64(std::string_view source) {
    if (source.size() != ipv6_size ||
        source.substr(0, 8) != std::string_view("\xfe\x80\0\0\0\0\0\0", 8))
        return std::nullopt;
    auto part = source.substr(8);
    if (part.substr(3, 2) != "\xff\xfe") return std::nullopt;
    std::string bytes = std::string(part.substr(0, 3)) + std::string(part.substr(5, 3));
    bytes[0] = static_cast<char>(bytes[0] ^ 0x02);
    return MacAddress::from_bytes(bytes);
}

}  // namespace

std::optional<MacAddress> solicitor(std::string_view message, std::string_view source) {
    ByteReader reader(message);
    auto type = reader.u8();
    auto code = reader.u8();
    reader.u16();  // checksum, verified by the kernel
    reader.u32();  // reserved
    if (reader.failed() || type != router_solicitation || code != 0) return std::nullopt;
    while (!reader.rest().empty()) {
        auto option = reader.u8();
        auto units = reader.u8();
        if (reader.failed() || units == 0) return std::nullopt;
        auto value = reader.take(units * option_unit - 2);
        if (reader.failed()) return std::nullopt;
        if (option == source_link_layer_address && units == 1) return MacAddress::from_bytes(value);
    }
    return from_eui64(source);
}

bool is_real_router(std::string_view message) {
    ByteReader reader(message);
    auto type = reader.u8();
    reader.take(5);
    auto lifetime = reader.u16();
    return !reader.failed() && type == router_advertisement && lifetime != 0;
}

std::string empty_advertisement() {
    ByteWriter writer;
    writer.u8(router_advertisement);
    writer.u8(0);
    writer.u16(0);  // checksum
    writer.u8(0);   // hop limit: unspecified
    writer.u8(0);   // neither managed nor other configuration
    writer.u16(0);  // no default router
    writer.u32(0);  // reachable time: unspecified
    writer.u32(0);  // retransmission timer: unspecified
    return std::move(writer.bytes());
}

}  // namespace osiekit::netboot::ra
