#pragma once

#include <compare>
#include <string_view>

namespace osiekit::builder::alpine {

// Versions of Alpine packages: digits(.digits)* letter? (_suffix digits?)* (~hash)? (-r digits)?
// with the suffixes alpha beta pre rc (before the plain version) and cvs svn git hg p (after it).
constexpr std::size_t version_limit = 256;  // bytes; a longer text is no version

bool valid_version(std::string_view text);

// apk's order. Any text is accepted: what is no version sorts before all versions, by its bytes.
std::weak_ordering compare_versions(std::string_view a, std::string_view b);

// The operator "~": `version` equals `prefix` as far as that one goes ("1.2.3-r0" ~ "1.2").
bool matches_prefix(std::string_view version, std::string_view prefix);

}  // namespace osiekit::builder::alpine
