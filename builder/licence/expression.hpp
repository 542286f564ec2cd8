#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// How a licence text is written where it comes from.
enum class LicenceDialect {
    debian,  // DEP-5, section 7.2: "A or B, and C": a comma binds loosest
    alpine,  // SPDX, in older recipes names with blanks between them, which all hold
};

constexpr std::size_t longest_licence_text = 16384;  // bytes
constexpr std::size_t deepest_licence_text = 32;     // parentheses in parentheses

// A licence text as an SPDX expression (SPDX 2.3, annex D). Names that SPDX does not list become
// LicenseRef-NAME, and so does a whole Debian text that is a sentence instead of names. Errors:
// limit; invalid_input (parentheses that do not match, an operator without a licence).
Result<std::string> spdx_expression(std::string_view text, LicenceDialect dialect);

// All expressions hold at once: what stands in each, once, in order of bytes. At least one.
std::string all_of(const std::set<std::string>& expressions);

// The LicenseRef-… in an expression, once each, in order of bytes.
std::vector<std::string> licence_references(std::string_view expression);

}  // namespace osiekit::builder
