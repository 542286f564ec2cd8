#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/packages/dependencies.hpp"
#include "builder/packages/package.hpp"

namespace osiekit::builder {

// A package that somebody asks for.
struct PackageRequest {
    // Debian: "name", "name=version", "name/suite". Alpine: "name", "name=1.2", "name~1.2",
    // "name<2", "!name" to keep one away. File: a path.
    std::string name;
    std::string where;  // "file:line" of the profile, for messages; may be empty
};

// Packages of one system, chosen together.
struct PackageQuery {
    PackageSystem system = PackageSystem::debian;
    std::vector<PackageRequest> packages;             // with the dependencies asked for
    Dependencies dependencies = Dependencies::all();  // of `packages`
    std::vector<PackageRequest> no_deps;              // without any dependency of theirs
    std::vector<PackageRequest> exclude;              // never chosen, whoever depends on them
    // Versions by name that are taken before newer ones, and before other packages that would do as
    // well, as long as they serve: those that a lock has.
    std::map<std::string, std::string, std::less<>> prefer;

    bool empty() const { return packages.empty() && no_deps.empty(); }
    // One text a query: the same for the same wishes, wherever they are written; the order of the
    // lists does not matter.
    std::string key() const;
};

// Of names that stand in no profile.
PackageQuery query_of(PackageSystem system, const std::vector<std::string>& names,
                      Dependencies dependencies = Dependencies::all());

}  // namespace osiekit::builder
