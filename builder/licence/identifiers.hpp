#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osiekit::builder {

// The SPDX identifier (licence list 3.20 and later) of a licence's name as Debian, Alpine or SPDX
// itself write it: "GPL-2+", "Expat", "bsd-3-clause", "Apache-2". nullopt: not known here.
std::optional<std::string> spdx_identifier(std::string_view name);

// The SPDX identifier of an exception as Debian words it, for the licence it is added to: "Autoconf
// exception", "LLVM-exception". nullopt: not known here.
std::optional<std::string> spdx_exception(std::string_view words, std::string_view licence);

// "LicenseRef-" and the name, in the characters that SPDX allows there (letters, digits, "." and
// "-"); a "+" is written out, so that "GPL-2+" and "GPL-2" stay different.
std::string licence_reference(std::string_view name);

// "LicenseRef-" stands before the name of a licence that SPDX does not list.
constexpr std::string_view licence_reference_prefix = "LicenseRef-";
constexpr std::size_t longest_licence_name = 100;  // of a reference, without the prefix

}  // namespace osiekit::builder
