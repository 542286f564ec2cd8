#pragma once

#include <string>
#include <vector>

#include "builder/alpine/apk_index.hpp"
#include "builder/packages/query.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

// Chooses the named packages and what they depend on, sorted by name, so that no chosen package
// conflicts with another one ("!name", or two owners of one versioned name) and every pin holds:
// "name=1.2" and its like for everybody, "name@repository" where the package is taken from.
// The best candidate that leads to a whole set is taken (see Index::named), what is preferred
// before all; a virtual name without version is filled only by a provider with a priority, or by
// one that is chosen anyway. so:, cmd: and pc: are names like any other. Packages with install_if
// follow when all it names is there. With Dependencies::none() conflicts are not looked at. What is
// excluded is not chosen, and nobody misses it. Errors: not_found or refused with the chain of who
// wants what; invalid_input; limit.
Result<std::vector<const Record*>> resolve(const Index& index, const PackageQuery& query);

}  // namespace osiekit::builder::alpine
