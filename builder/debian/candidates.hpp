#pragma once

#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "builder/debian/package_index.hpp"
#include "builder/debian/relation.hpp"
#include "builder/packages/query.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Something that has to be there: what a profile asks for, or a group of alternatives that a
// package depends on.
struct PackageWant {
    std::string text;        // "b (>= 2) | c"
    std::string_view how;    // "depends on", "pre-depends on"; empty: it was asked for
    std::string_view where;  // of what was asked for: the place in the profile
    AtomAlternatives atoms;
    // All that would do, best first; a null pointer stands for doing without it, because what would
    // have done is excluded.
    std::vector<const PackageRecord*> candidates;
    bool single = true;  // they have one name
};

// A package that must not be there.
struct PackageBan {
    std::string_view field;  // "Conflicts", "Breaks"
    PackageAtom atom;

    std::string to_string() const { return std::string(field) + ": " + atom.to_string(); }
};

// What a package says about others, read once.
struct PackageRelations {
    std::vector<PackageWant> wants;  // in the order in which they are satisfied
    std::vector<PackageBan> bans;
    std::vector<PackageAtom> provisions;
};

// Which packages satisfy which relations, by dpkg's rules (Debian policy chapter 7), and in which
// order they are tried. Knows the index and the query, and nothing of what has been chosen.
class Candidates {
  public:
    Candidates(const PackageIndex& index, const PackageQuery& query);

    // "name", "name=version" or "name/suite". Errors: invalid_input; not_found (a virtual package
    // of several providers).
    Result<PackageWant> request(const PackageRequest& asked) const;
    // Kept, so that views into it stay. Errors: invalid_input, limit.
    const Result<PackageRelations>& relations(const PackageRecord& record);

  private:
    Result<PackageRelations> read_relations(const PackageRecord& record) const;
    void find(PackageWant& want) const;
    std::vector<const PackageRecord*> accepted(const PackageAtom& atom) const;

    const PackageIndex& index_;
    const PackageQuery& query_;
    std::set<std::string_view> excluded_;
    std::set<std::string_view> alone_;  // whose relations do not matter
    std::unordered_map<const PackageRecord*, Result<PackageRelations>> relations_;
};

// The package's name of a request: "jq" of "jq=1.6" and of "jq/bookworm-backports".
std::string_view requested_name(std::string_view request);

// True if the architecture qualifier of a relation fits the package. ":any" asks for a package that
// is Multi-Arch: allowed.
bool fits_architecture(const PackageAtom& atom, const PackageRecord& record);

}  // namespace osiekit::builder
