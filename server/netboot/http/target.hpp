#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::netboot::web {

constexpr std::size_t largest_target = 4096;

struct Target {
    std::string path;   // percent-decoded, begins with '/'
    std::string query;  // after '?', not decoded
};

// The target of a request in origin form (RFC 9112 section 3.2.1). Errors of kind invalid_input:
// no '/' at the front, a bad percent code, a control character or NUL after decoding, a "." or
// ".." segment; kind limit above largest_target.
Result<Target> parse_target(std::string_view text);

// The segments below `prefix`, which ends in '/'; nullopt when the path is not below it.
std::optional<std::string_view> below(std::string_view path, std::string_view prefix);

// A path inside a folder that may be served: no empty segment, none that begins with a dot.
bool is_plain_path(std::string_view path);

// A piece of a body.
struct Range {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool operator==(const Range&) const = default;
};

enum class RangeVerdict { whole, part, unsatisfiable };

// Reads a Range header (RFC 9110 section 14.2) for a body of `size` bytes. One range of bytes is
// honoured; several, other units and malformed headers mean the whole body, as the RFC allows.
RangeVerdict parse_range(std::string_view header, std::uint64_t size, Range& range);

}  // namespace osiekit::netboot::web
