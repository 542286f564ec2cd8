#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osiekit {

std::string_view trim(std::string_view text);  // ASCII white space at both ends
// "a,,b" by ',' gives "a", "", "b"; an empty text gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
// Splits on runs of ASCII white space; no empty parts.
std::vector<std::string_view> split_words(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string to_lower(std::string_view text);  // ASCII only
bool equal_ignoring_case(std::string_view a, std::string_view b);

// A whole decimal number without sign, blanks or overflow; anything else is nullopt.
std::optional<std::uint64_t> parse_u64(std::string_view text);

// Go's strconv.ParseBool: 1 t T TRUE true True, 0 f F FALSE false False; anything else is nullopt.
std::optional<bool> parse_bool(std::string_view text);

std::string to_hex(std::string_view bytes);  // lower case
std::optional<std::string> from_hex(std::string_view text);

// "1.5 MiB": binary units, one decimal, for people.
std::string human_size(std::uint64_t bytes);

// Makes foreign text safe for a log or a terminal: control characters become \xNN, longer than
// `limit` is cut with "…".
std::string printable(std::string_view text, std::size_t limit = 200);

// Foreign text for a protobuf string, which has to be UTF-8 (RFC 3629): each byte that is not part
// of a character becomes '?'. A message with another one is refused as a whole by its receiver.
std::string as_utf8(std::string text);

// The candidate nearest to `word` by edit distance, if near enough to be a typing error; for "did
// you mean".
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

}  // namespace osiekit
