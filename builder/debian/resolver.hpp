#pragma once

#include <string>
#include <vector>

#include "builder/debian/package_index.hpp"
#include "builder/packages/query.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Choices tried, those undone included; a set that cannot be found in so many is given up.
constexpr std::size_t resolver_work_limit = 50'000;

// Chooses the named packages ("name", "name=version", "name/suite") and what they depend on
// (Depends and Pre-Depends), sorted by name, so that dpkg would have them installed together
// (Debian policy chapter 7):
// - a name is there in one version; a version or suite that was asked for holds for everybody;
// - a relation with a version is satisfied by a provision that has one, and never by one without;
// - no package's Conflicts or Breaks fits another one that is chosen, by name or by provision. A
//   package never conflicts with itself. The relations of packages without dependencies (no_deps,
//   Dependencies::none()) are not looked at;
// - circles of dependencies are as good as any.
//
// Of each name the newest version is taken that leads to a whole set; alternatives are tried from
// left to right, what is chosen already first, real packages before providers; what is preferred
// comes before all. What is excluded is not chosen, and nobody misses it. Errors: not_found and
// refused with the chain of who wants what; invalid_input; limit.
Result<std::vector<const PackageRecord*>> resolve(const PackageIndex& index,
                                                  const PackageQuery& query);

}  // namespace osiekit::builder
