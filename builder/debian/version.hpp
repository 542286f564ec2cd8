#pragma once

#include <compare>
#include <string_view>

namespace osiekit::builder {

// Order of two Debian versions, [epoch:]upstream[-revision] (deb-version(7), and dpkg where the
// manual and the program differ: an absent revision equals "0"). Any text is accepted; numbers may
// have any length.
std::weak_ordering compare_versions(std::string_view a, std::string_view b);

}  // namespace osiekit::builder
