#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

// Netlink messages as bytes (netlink(7), rtnetlink(7)).
namespace osiekit {

// The bytes of a structure of the kernel's.
template <typename T>
std::string_view bytes_of(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Copies a structure out of bytes that need not be aligned; false when there are too few.
template <typename T>
bool read_struct(std::string_view bytes, T& out) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes.size() < sizeof out) return false;
    std::memcpy(&out, bytes.data(), sizeof out);
    return true;
}

// A message to the kernel: header, then attributes (type, length, value).
class NetlinkMessage {
  public:
    NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::string_view fixed_part);
    void attribute(std::uint16_t type, std::string_view value);
    void attribute_text(std::uint16_t type, std::string_view value);  // with a zero byte at its end
    void attribute_u32(std::uint16_t type, std::uint32_t value);      // host order
    void attribute_be32(std::uint16_t type, std::uint32_t value);     // network order
    void attribute_u16(std::uint16_t type, std::uint16_t value);      // host order
    // Attributes added between begin and end are inside this one.
    std::size_t begin(std::uint16_t type);
    void end(std::size_t start);
    // Bytes that are no attribute, such as the fixed part of a link inside a link.
    void raw(std::string_view bytes);
    bool wants_answer() const;  // NLM_F_ACK is among its flags
    // With the header's length and number filled in.
    std::string finish(std::uint32_t sequence);

  private:
    std::string bytes_;
};

// One message of an answer. `payload` is what follows the header.
struct NetlinkReply {
    std::uint16_t type = 0;
    std::uint32_t sequence = 0;
    std::string_view payload;
};
// Splits a datagram into messages; what does not fit is left out.
std::vector<NetlinkReply> parse_netlink(std::string_view datagram);

// An attribute of a message; `type` is without the flags.
struct NetlinkAttribute {
    unsigned type = 0;
    std::string_view value;
};
// Splits the attributes that follow a message's fixed part; what does not fit is left out.
std::vector<NetlinkAttribute> parse_attributes(std::string_view bytes);

}  // namespace osiekit
