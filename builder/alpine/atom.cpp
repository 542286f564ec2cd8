#include "builder/alpine/atom.hpp"

#include <algorithm>

#include "builder/alpine/version.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder::alpine {
namespace {

bool plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_sign(char c) {
    return plain(c) || std::string_view("._+-,[]:/").find(c) != std::string_view::npos;
}

Error bad(std::string_view text) {
    return Error(ErrorKind::invalid_input, "\"" + printable(text, 80) + "\" is not a dependency")
        .hint("NAME, NAME=VERSION, NAME~VERSION, NAME<VERSION, NAME>VERSION or !NAME is expected");
}

}  // namespace

bool Atom::accepts(std::string_view candidate_version, std::string_view package_identity) const {
    if (version.empty()) return true;
    if (identity) return version == package_identity;
    if (candidate_version.empty()) return false;
    if (fuzzy && matches_prefix(candidate_version, version)) return true;
    auto order = compare_versions(candidate_version, version);
    return (order < 0 && less) || (order == 0 && equal) || (order > 0 && greater);
}

std::string Atom::to_string() const {
    std::string text = conflict ? "!" : "";
    text += name;
    if (version.empty()) return text;
    if (identity) return text + "><" + std::string(version);
    if (less) text += '<';
    if (greater) text += '>';
    if (fuzzy) {
        text += '~';
    } else if (equal) {
        text += '=';
    }
    return text + std::string(version);
}

Result<Atom> parse_atom(std::string_view text) {
    std::string_view whole = text;
    if (text.size() > atom_limit) return bad(whole);
    Atom atom;
    if (text.starts_with('!')) {
        atom.conflict = true;
        text.remove_prefix(1);
    }
    std::size_t end = std::min(text.find_first_of("<>=~"), text.size());
    atom.name = text.substr(0, end);
    text.remove_prefix(end);
    if (atom.name.empty() || !std::all_of(atom.name.begin(), atom.name.end(), name_sign))
        return bad(whole);
    if (text.empty()) return atom;
    std::size_t signs = std::min(text.find_first_not_of("<>=~"), text.size());
    std::string_view relation = text.substr(0, signs);
    atom.version = text.substr(signs);
    if (relation == "><") {
        atom.identity = true;
        if (!atom.version.starts_with("Q1")) return bad(whole);
        return atom;
    }
    for (char c : relation) {
        bool& flag = c == '<'   ? atom.less
                     : c == '>' ? atom.greater
                     : c == '=' ? atom.equal
                                : atom.fuzzy;
        if (flag) return bad(whole);
        flag = true;
    }
    if ((atom.less && atom.greater) || !valid_version(atom.version)) return bad(whole);
    return atom;
}

bool valid_package_name(std::string_view name) {
    return !name.empty() && name.size() <= 200 && (plain(name.front()) || name.front() == '_') &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return plain(c) || std::string_view("._+-").find(c) != std::string_view::npos;
           });
}

}  // namespace osiekit::builder::alpine
