#pragma once

#include "builder/packages/source.hpp"

namespace osiekit::builder::test {

// What a query asks for, fetched; both again if a mirror has changed in between, as a build does
// it.
inline Result<std::vector<LocatedPackage>> obtain(PackageSource& source, const PackageQuery& query,
                                                  const FetchWatch& watch = {}) {
    return source.asking_again([&]() -> Result<std::vector<LocatedPackage>> {
        OSIEKIT_ASSIGN(auto packages, source.resolve(query));
        return source.fetch(std::move(packages), watch);
    });
}

}  // namespace osiekit::builder::test
