#pragma once

#include <string>
#include <vector>

#include "builder/alpine/apk_index.hpp"
#include "builder/debian/dependencies.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

struct Wishes {
    std::vector<std::string> names;    // "name", "name=1.2", "name~1.2", "name<2"…, "!name"
    std::vector<std::string> exclude;  // names whose absence no dependency is to notice
};

// Chooses the named packages and what they depend on, sorted by name, so that no chosen package
// conflicts with another one ("!name", or two owners of one versioned name) and every pin holds.
// The best candidate that leads to a whole set is taken (see Index::named); a virtual name without
// version is filled only by a provider with a priority, or by one that is chosen anyway. Packages
// with install_if follow when all it names is there. With Dependencies::none() conflicts are not
// looked at. Errors: not_found or refused with the chain of who wants what; invalid_input.
Result<std::vector<const Record*>> resolve(const Index& index, const Wishes& wishes,
                                           const Dependencies& dependencies);

}  // namespace osiekit::builder::alpine
