#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace osiekit::netboot::tftp {

// RFC 1350 section 5, RFC 2347-2349, RFC 7440.
enum class ErrorCode : std::uint16_t {
    undefined = 0,
    not_found = 1,
    access_violation = 2,
    illegal_operation = 4,
    unknown_transfer = 5,
    option_refused = 8,
};

constexpr std::size_t largest_request = 1024;  // a request with every option we know is below 200
constexpr std::size_t largest_file_name = 512;
constexpr std::size_t largest_option_count = 16;
constexpr std::uint32_t default_block_size = 512;
constexpr std::uint32_t smallest_block_size = 8;
constexpr std::uint32_t largest_block_size = 65464;
constexpr std::uint32_t largest_window = 64;  // clients lose packets above it (u-root #1966)

struct ReadRequest {
    std::string file;
    bool netascii = false;  // served as octet: boot files have no lines
    // As asked for, and within what RFC 2348, 2349 and 7440 allow; a value outside is as if not
    // asked.
    std::optional<std::uint32_t> block_size;
    std::optional<std::uint32_t> window_size;
    std::optional<std::uint32_t> timeout_seconds;
    bool wants_size = false;
};

struct Acknowledgement {
    std::uint16_t block = 0;
};

struct PeerError {
    std::uint16_t code = 0;
    std::string message;
};

// What we answer with an ERROR datagram.
struct Refusal {
    ErrorCode code = ErrorCode::illegal_operation;
    std::string message;
};

// One datagram from a client. Anything that deserves no answer at all (shorter than a header, an
// ERROR that is malformed) is a PeerError with code 0xffff.
using Packet = std::variant<ReadRequest, Acknowledgement, PeerError, Refusal>;
Packet parse(std::string_view datagram);

std::string error_datagram(ErrorCode code, std::string_view message);

struct Option {
    std::string name;
    std::uint64_t value = 0;
};
std::string oack_datagram(const std::vector<Option>& options);

// The name that a request means: slashes at the front and any folders are dropped ("<mac>/x.efi"
// is how machines are told apart), as is a W3C traceparent that Tinkerbell's tools append. Empty
// for names that nobody honest asks for ("..", control characters).
struct FileName {
    std::string folder;  // the part before the last slash, without slashes at its ends
    std::string base;
};
FileName interpret_file_name(std::string_view file);

}  // namespace osiekit::netboot::tftp
