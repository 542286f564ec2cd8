#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "builder/profile/yaml_reader.hpp"

namespace osiekit::builder {

// The kinds of values that profiles are made of; each error names file and line.

// 3 or 4 octal digits, perhaps with a leading "0" or "0o": at most 07777.
Result<std::uint32_t> read_mode(const YamlValue& value);
// "UID:GID", decimal.
std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_owner(std::string_view text);
Result<std::pair<std::uint32_t, std::uint32_t>> read_owner(const YamlValue& value);
// An absolute path in the image; returned without the leading "/".
Result<std::string> read_path(const YamlValue& value);
// One line of text without control characters.
Result<std::string> read_line(const YamlValue& value, std::string_view what);
constexpr std::size_t longest_variable_name = 64;

// Letters, digits and `also`, at most `longest`, first a letter or digit.
bool is_name(std::string_view text, std::string_view also, std::size_t longest);
// The same of a value.
Result<std::string> read_name(const YamlValue& value, std::string_view what, std::string_view also,
                              std::size_t longest);

}  // namespace osiekit::builder
