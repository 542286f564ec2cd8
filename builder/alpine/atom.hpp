#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

// One word of a dependency list: "name", "name>=1.2", "name~1.2", "name><Q1…", "!name". The views
// point into the text that was parsed. Names may be virtual: "so:libz.so.1", "cmd:sh", "pc:zlib".
struct Atom {
    std::string_view name;
    std::string_view version;  // or the identity, after "><"; empty: any version
    bool conflict = false;
    bool less = false;
    bool equal = false;
    bool greater = false;
    bool fuzzy = false;
    bool identity = false;

    bool any_version() const { return version.empty(); }
    // Whether a package or provision of this version (empty: a virtual name without one) will do,
    // the sign "!" not regarded. `package_identity`: "Q1…" of the package.
    bool accepts(std::string_view candidate_version, std::string_view package_identity) const;
    std::string to_string() const;
};

constexpr std::size_t atom_limit = 1024;  // bytes; Alpine's longest have below 200

// Errors: invalid_input.
Result<Atom> parse_atom(std::string_view text);

// A real package's name: letters, digits and ". _ + -", first no "." or "-"; it names a file.
bool valid_package_name(std::string_view name);

}  // namespace osiekit::builder::alpine
