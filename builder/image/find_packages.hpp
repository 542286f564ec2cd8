#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "builder/packages/source.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a profile asks of package sources, as data. The queries are independent of each other.
struct PackageQueries {
    PackageQuery kernel;              // the kernel package, or a metapackage that points to it
    std::vector<PackageQuery> image;  // what goes into the image; empty ones are left out
};
PackageQueries package_queries(const Profile& profile);

// The package's name of a request of any system: "jq" of "jq=1.6", "jq/sid", "jq~1.6" and
// "jq@edge".
std::string_view requested_package(std::string_view request);

struct FoundPackages {
    std::vector<LocatedPackage> kernel;  // what the kernel's query gave, metapackages too
    std::vector<LocatedPackage> image;   // by name and version
    // Both, by name and version, none twice.
    std::vector<LocatedPackage> all() const;
};

// For those who follow the fetch: of the kernel's query, and of the others.
struct FoundWatch {
    FetchWatch kernel;
    FetchWatch image;
};

// Asks the source everything that the profile wants; `fetched` says whether the files are needed.
// Errors: those of PackageSource, with the place in the profile.
Result<FoundPackages> find_packages(const Profile& profile, PackageSource& source, bool fetched,
                                    const FoundWatch& watch = {});

}  // namespace osiekit::builder
