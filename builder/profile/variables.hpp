#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/profile/document.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A variable of a profile. Its value is text, taken as it stands.
struct Variable {
    std::optional<std::string> value;  // none: has to be set from outside
    std::string where;                 // "site.yaml:4", or "--set" for one from outside
};
using Variables = std::map<std::string, Variable, std::less<>>;

constexpr std::size_t longest_variable = 65536;       // bytes of a value
constexpr std::size_t most_variables = 256;           // in a profile with all that it extends
constexpr std::size_t largest_expansion = 1U << 20U;  // bytes of a text with its variables

// The members of "variables:" in the documents, later ones over earlier ones, and "NAME=VALUE"
// settings over all. Errors: a setting for a variable that no document declares, with the nearest
// name; wrong names and types, with file and line.
Result<Variables> collect_variables(const std::vector<ProfileNode>& documents,
                                    const std::vector<std::string>& settings);

// Puts values in for ${name}; "$${" stands for "${". Errors (invalid_input, limit) begin with
// `where`: unknown names, names without a value, "${" without "}".
Result<std::string> expand(std::string_view text, const Variables& variables,
                           const std::string& where);

// As above in each line of a file, whose name and line errors begin with.
Result<std::string> expand_lines(std::string_view text, const Variables& variables,
                                 const std::string& file);

// As expand() in all values of a document except "variables", "extends" and the content of files,
// which is expanded only where a file says "template: true".
Status expand_document(ProfileNode& document, const Variables& variables);

}  // namespace osiekit::builder
