#pragma once

#include <string_view>

namespace osiekit::kmod {

// fnmatch(3) without flags, as modprobe matches module aliases: '*', '?', '[a-f0-9]' and '[!…]', a
// backslash takes the next character literally. Works on unterminated text and takes time at most
// proportional to the product of the two lengths.
bool matches(std::string_view pattern, std::string_view text);

// The part of a pattern in front of its first special character.
std::string_view literal_prefix(std::string_view pattern);

}  // namespace osiekit::kmod
