#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"

namespace osiekit::dhcp {

// Option codes (RFC 2132 and later; names as in IANA's registry).
namespace code {
inline constexpr std::uint8_t pad = 0;
inline constexpr std::uint8_t subnet_mask = 1;
inline constexpr std::uint8_t router = 3;
inline constexpr std::uint8_t domain_name_server = 6;
inline constexpr std::uint8_t log_server = 7;
inline constexpr std::uint8_t host_name = 12;
inline constexpr std::uint8_t domain_name = 15;
inline constexpr std::uint8_t interface_mtu = 26;
inline constexpr std::uint8_t broadcast_address = 28;
inline constexpr std::uint8_t static_route = 33;
inline constexpr std::uint8_t ntp_servers = 42;
inline constexpr std::uint8_t vendor_specific = 43;
inline constexpr std::uint8_t requested_address = 50;
inline constexpr std::uint8_t lease_time = 51;
inline constexpr std::uint8_t overload = 52;
inline constexpr std::uint8_t message_type = 53;
inline constexpr std::uint8_t server_identifier = 54;
inline constexpr std::uint8_t parameter_request_list = 55;
inline constexpr std::uint8_t message = 56;
inline constexpr std::uint8_t maximum_message_size = 57;
inline constexpr std::uint8_t renewal_time = 58;    // T1
inline constexpr std::uint8_t rebinding_time = 59;  // T2
inline constexpr std::uint8_t vendor_class = 60;
inline constexpr std::uint8_t client_identifier = 61;
inline constexpr std::uint8_t tftp_server_name = 66;
inline constexpr std::uint8_t bootfile_name = 67;
inline constexpr std::uint8_t user_class = 77;
inline constexpr std::uint8_t relay_agent_information = 82;
inline constexpr std::uint8_t client_architecture = 93;
inline constexpr std::uint8_t client_network_interface = 94;
inline constexpr std::uint8_t client_uuid = 97;
inline constexpr std::uint8_t subnet_selection = 118;
inline constexpr std::uint8_t domain_search = 119;
inline constexpr std::uint8_t classless_static_route = 121;
inline constexpr std::uint8_t ipxe_encapsulated = 175;
inline constexpr std::uint8_t end = 255;
}  // namespace code

enum class MessageType : std::uint8_t {
    discover = 1,
    offer = 2,
    request = 3,
    decline = 4,
    ack = 5,
    nak = 6,
    release = 7,
    inform = 8,
};
std::string_view to_string(MessageType type);  // "DISCOVER", …

struct Option {
    std::uint8_t code = 0;
    std::string value;
    bool operator==(const Option&) const = default;
};

// An ordered list with each code at most once. Also holds the sub-options of 43, 82 and 175.
class Options {
  public:
    // Replaces the value where the code stands, or appends. The codes 0 and 255 are markers of the
    // wire format and are not stored.
    void set(std::uint8_t code, std::string value);
    void set_u8(std::uint8_t code, std::uint8_t value);
    void set_u16(std::uint8_t code, std::uint16_t value);
    void set_u32(std::uint8_t code, std::uint32_t value);
    void set_ipv4(std::uint8_t code, Ipv4 value);
    void set_ipv4_list(std::uint8_t code, const std::vector<Ipv4>& values);
    void set_message_type(MessageType type);
    // Appends to the value of a code that is there already (RFC 3396 reading).
    void append(std::uint8_t code, std::string_view piece);
    void remove(std::uint8_t code);

    // Getters give nullopt (or an empty list) when the option is absent or has another length than
    // its type; they never fail.
    bool has(std::uint8_t code) const { return find(code) != nullptr; }
    std::optional<std::string_view> get(std::uint8_t code) const;
    std::optional<std::uint8_t> u8(std::uint8_t code) const;
    std::optional<std::uint16_t> u16(std::uint8_t code) const;
    std::optional<std::uint32_t> u32(std::uint8_t code) const;
    // The first address of a list counts too.
    std::optional<Ipv4> ipv4(std::uint8_t code) const;
    std::vector<Ipv4> ipv4_list(std::uint8_t code) const;
    std::vector<std::uint16_t> u16_list(std::uint8_t code) const;
    // Without trailing NULs, which some senders add.
    std::optional<std::string> text(std::uint8_t code) const;
    std::optional<MessageType> message_type() const;

    const std::vector<Option>& all() const { return options_; }
    bool empty() const { return options_.empty(); }
    bool operator==(const Options&) const = default;

  private:
    const Option* find(std::uint8_t code) const;
    std::vector<Option> options_;
};

// Bytes an option takes on the wire, split into pieces of 255 where it is longer.
std::size_t encoded_size(std::size_t value_size);

// Reads code/length/value triples up to the end marker or the end of the bytes, and adds them to
// `options`; repeated codes are concatenated (RFC 3396). An option that runs past the end is an
// error of kind invalid_input that names it.
Status parse_options(std::string_view bytes, Options& options);
// The triples in their order, long values split; the end marker only when asked for.
std::string encode_options(const Options& options, bool end_marker);

// The sub-options inside 43, 82 or 175.
Result<Options> parse_suboptions(std::string_view bytes);

}  // namespace osiekit::dhcp
