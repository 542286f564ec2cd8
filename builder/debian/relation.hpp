#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

enum class VersionRelation { any, less, less_equal, equal, greater_equal, greater };

// "name[:arch] [(op version)]" of deb-control(5); the views point into the text that was parsed.
struct PackageAtom {
    std::string_view name;
    std::string_view architecture;  // after ":"; empty, "any", "native" or an architecture
    VersionRelation relation = VersionRelation::any;
    std::string_view version;

    bool accepts(std::string_view candidate_version) const;
    std::string to_string() const;  // "libc6 (>= 2.36)"
};

// "a | b (>= 1)": any of these.
using AtomAlternatives = std::vector<PackageAtom>;

constexpr std::size_t relation_limit = 10'000;  // atoms of one field

// Parses a Depends, Pre-Depends or Provides field: all of these. Architecture and build profile
// restrictions do not occur in binary packages and are errors (invalid_input).
Result<std::vector<AtomAlternatives>> parse_relations(std::string_view text);

// Package names of Debian policy 5.6.1, somewhat wider (capitals and "_" occur in the wild).
bool valid_package_name(std::string_view name);

}  // namespace osiekit::builder
