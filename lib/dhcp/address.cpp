#include "lib/dhcp/address.hpp"

#include <bit>
#include <vector>

#include "lib/base/bytes.hpp"
#include "lib/base/text.hpp"

namespace osiekit {

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
    constexpr std::size_t longest = 15;
    if (text.size() > longest) return std::nullopt;
    std::vector<std::string_view> parts = split(text, '.');
    if (parts.size() != 4) return std::nullopt;
    std::uint32_t value = 0;
    for (std::string_view part : parts) {
        std::optional<std::uint64_t> number = parse_u64(part);
        if (!number || *number > 255 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
        value = value << 8U | static_cast<std::uint32_t>(*number);
    }
    return Ipv4(value);
}

std::optional<Ipv4> Ipv4::from_bytes(std::string_view bytes) {
    if (bytes.size() != 4) return std::nullopt;
    return Ipv4(ByteReader(bytes).u32());
}

Ipv4 Ipv4::netmask(unsigned prefix_length) {
    if (prefix_length == 0) return Ipv4();
    if (prefix_length >= 32) return Ipv4(0xffffffffU);
    return Ipv4(0xffffffffU << (32 - prefix_length));
}

std::string Ipv4::bytes() const {
    ByteWriter writer;
    writer.u32(value_);
    return std::move(writer.bytes());
}

std::string Ipv4::to_string() const {
    std::string text;
    for (unsigned shift : {24U, 16U, 8U, 0U}) {
        text += std::to_string(value_ >> shift & 0xffU);
        if (shift != 0) text += '.';
    }
    return text;
}

std::optional<unsigned> Ipv4::prefix_length() const {
    auto ones = static_cast<unsigned>(std::countl_one(value_));
    if (netmask(ones).value_ != value_) return std::nullopt;
    return ones;
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    constexpr std::size_t longest = 17;
    if (text.size() > longest) return std::nullopt;
    std::string digits;
    for (char separator : {':', '-', '.'}) {
        if (text.find(separator) == std::string_view::npos) continue;
        std::size_t group = separator == '.' ? 4 : 2;
        std::vector<std::string_view> parts = split(text, separator);
        if (parts.size() * group != 2 * size) return std::nullopt;
        for (std::string_view part : parts) {
            if (part.empty() || part.size() > group) return std::nullopt;
            digits.append(group - part.size(), '0');
            digits += part;
        }
        break;
    }
    if (digits.empty()) digits = text;
    std::optional<std::string> bytes = from_hex(digits);
    return bytes ? from_bytes(*bytes) : std::nullopt;
}

std::optional<MacAddress> MacAddress::from_bytes(std::string_view bytes) {
    if (bytes.size() != size) return std::nullopt;
    std::array<std::uint8_t, size> array{};
    for (std::size_t i = 0; i < size; ++i) array[i] = static_cast<std::uint8_t>(bytes[i]);
    return MacAddress(array);
}

std::string MacAddress::bytes() const {
    return {bytes_.begin(), bytes_.end()};
}

std::string MacAddress::to_string() const {
    std::string text;
    for (char byte : bytes()) {
        if (!text.empty()) text += ':';
        text += to_hex(std::string_view(&byte, 1));
    }
    return text;
}

}  // namespace osiekit
