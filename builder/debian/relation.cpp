#include "builder/debian/relation.hpp"

#include <array>
#include <utility>

#include "builder/debian/version.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

using Operator = std::pair<std::string_view, VersionRelation>;
// Longest first. The old "<" and ">" mean "<=" and ">=".
constexpr std::array<Operator, 7> operators = {{{"<<", VersionRelation::less},
                                                {"<=", VersionRelation::less_equal},
                                                {">=", VersionRelation::greater_equal},
                                                {">>", VersionRelation::greater},
                                                {"=", VersionRelation::equal},
                                                {"<", VersionRelation::less_equal},
                                                {">", VersionRelation::greater_equal}}};

std::string_view operator_text(VersionRelation relation) {
    for (const auto& [text, meaning] : operators)
        if (meaning == relation) return text;
    return {};
}

Error bad_relation(std::string_view text) {
    return Error(ErrorKind::invalid_input,
                 "\"" + printable(text, 80) + "\" is not a package relation");
}

Result<PackageAtom> parse_atom(std::string_view text) {
    text = trim(text);
    PackageAtom atom;
    std::size_t end = text.find_first_of(" \t\n\r(");
    std::string_view name = text.substr(0, end);
    std::string_view rest = end == std::string_view::npos ? "" : trim(text.substr(end));
    std::size_t colon = name.find(':');
    if (colon != std::string_view::npos) {
        atom.architecture = name.substr(colon + 1);
        name = name.substr(0, colon);
        if (!valid_package_name(atom.architecture)) return bad_relation(text);
    }
    if (!valid_package_name(name)) return bad_relation(text);
    atom.name = name;
    if (rest.empty()) return atom;
    if (rest.size() < 2 || rest.front() != '(' || rest.back() != ')') return bad_relation(text);
    rest = trim(rest.substr(1, rest.size() - 2));
    for (const auto& [sign, meaning] : operators) {
        if (!rest.starts_with(sign)) continue;
        atom.relation = meaning;
        atom.version = trim(rest.substr(sign.size()));
        if (atom.version.empty() || atom.version.find_first_of(" \t\n()") != std::string_view::npos)
            return bad_relation(text);
        return atom;
    }
    return bad_relation(text);
}

}  // namespace

bool valid_package_name(std::string_view name) {
    auto alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (name.empty() || !alphanumeric(name[0])) return false;
    for (char c : name)
        if (!alphanumeric(c) && std::string_view("+-._").find(c) == std::string_view::npos)
            return false;
    return true;
}

bool PackageAtom::accepts(std::string_view candidate) const {
    if (relation == VersionRelation::any) return true;
    auto order = compare_versions(candidate, version);
    switch (relation) {
        case VersionRelation::less:
            return order < 0;
        case VersionRelation::less_equal:
            return order <= 0;
        case VersionRelation::equal:
            return order == 0;
        case VersionRelation::greater_equal:
            return order >= 0;
        case VersionRelation::greater:
            return order > 0;
        case VersionRelation::any:
            break;
    }
    return true;
}

std::string PackageAtom::to_string() const {
    std::string text(name);
    if (!architecture.empty()) text += ":" + std::string(architecture);
    if (relation != VersionRelation::any)
        text += " (" + std::string(operator_text(relation)) + " " + std::string(version) + ")";
    return text;
}

Result<std::vector<AtomAlternatives>> parse_relations(std::string_view text) {
    std::vector<AtomAlternatives> all;
    std::size_t atoms = 0;
    for (std::string_view group : split(text, ',')) {
        if (trim(group).empty()) continue;  // a comma at the end is tolerated by dpkg
        AtomAlternatives alternatives;
        for (std::string_view one : split(group, '|')) {
            if (++atoms > relation_limit)
                return Error(ErrorKind::limit, "more than " + std::to_string(relation_limit) +
                                                   " relations in one field");
            OSIEKIT_ASSIGN(PackageAtom atom, parse_atom(one));
            alternatives.push_back(atom);
        }
        all.push_back(std::move(alternatives));
    }
    return all;
}

}  // namespace osiekit::builder
