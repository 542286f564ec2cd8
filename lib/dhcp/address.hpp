#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osiekit {

// An IPv4 address as a value; ordered as a number.
class Ipv4 {
  public:
    constexpr Ipv4() = default;
    constexpr explicit Ipv4(std::uint32_t host_order) : value_(host_order) {}
    constexpr Ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
        : value_(std::uint32_t{a} << 24U | std::uint32_t{b} << 16U | std::uint32_t{c} << 8U | d) {}

    // Exactly four decimal numbers 0..255 without leading zeros (some readers take those as octal).
    static std::optional<Ipv4> parse(std::string_view text);
    // Four bytes in network order; anything but four bytes is nullopt.
    static std::optional<Ipv4> from_bytes(std::string_view bytes);
    // The netmask of a prefix length 0..32; greater lengths count as 32.
    static Ipv4 netmask(unsigned prefix_length);

    constexpr std::uint32_t value() const { return value_; }  // host order
    std::string bytes() const;                                // network order
    std::string to_string() const;
    constexpr bool is_zero() const { return value_ == 0; }
    // The prefix length of this address as a netmask; nullopt when its ones are not contiguous.
    std::optional<unsigned> prefix_length() const;
    auto operator<=>(const Ipv4&) const = default;

  private:
    std::uint32_t value_ = 0;
};

// An Ethernet address as a value.
class MacAddress {
  public:
    static constexpr std::size_t size = 6;

    constexpr MacAddress() = default;
    constexpr explicit MacAddress(const std::array<std::uint8_t, size>& bytes) : bytes_(bytes) {}

    // Any usual notation, either case: 52:54:00:0a:b:c, 52-54-00-0A-0B-0C, 5254.000a.0b0c,
    // 5254000a0b0c.
    static std::optional<MacAddress> parse(std::string_view text);
    // Six bytes; anything else is nullopt.
    static std::optional<MacAddress> from_bytes(std::string_view bytes);

    const std::array<std::uint8_t, size>& array() const { return bytes_; }
    std::string bytes() const;
    std::string to_string() const;  // lower case, colons
    auto operator<=>(const MacAddress&) const = default;

  private:
    std::array<std::uint8_t, size> bytes_{};
};

}  // namespace osiekit
