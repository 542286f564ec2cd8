#pragma once

#include <string>
#include <vector>

#include "builder/debian/package_index.hpp"
#include "builder/packages/query.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Chooses the named packages ("name" or "name=version") and what they depend on, sorted by name.
//
// Of each name the newest version that satisfies the relation is taken; alternatives are tried from
// left to right, what is chosen already first, real packages before providers; a choice that leads
// nowhere is undone. Conflicts and Breaks are not looked at: the packages are sources of files, and
// nothing of them is configured. Errors: not_found with the chain of who wants the missing one,
// invalid_input, limit.
Result<std::vector<const PackageRecord*>> resolve(const PackageIndex& index,
                                                  const PackageQuery& query);

}  // namespace osiekit::builder
