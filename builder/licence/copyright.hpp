#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// Boost's, one of the longest, has 1.2 MB and 8,000 paragraphs.
constexpr std::size_t largest_copyright = 8U << 20U;
constexpr std::size_t most_copyright_paragraphs = 100'000;
constexpr std::size_t longest_licence_expression = 65536;

// "usr/share/doc/PACKAGE/copyright", where a Debian package has its licences.
std::string copyright_path(std::string_view package);

// The licences that a machine-readable copyright file of Debian names
// (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/): those of all its Files
// paragraphs, or where there are none that of its header, joined with AND. It covers the whole
// source package, so it may name more than the files of one binary package are under. Empty: the
// file is not machine-readable or says nothing. Errors: limit; invalid_input (not in the form that
// it says it has).
Result<std::string> licence_of_copyright(std::string_view text);

}  // namespace osiekit::builder
