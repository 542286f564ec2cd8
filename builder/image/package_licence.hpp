#pragma once

#include <string>
#include <string_view>

#include "builder/debian/repository.hpp"
#include "builder/image/recipe_cache.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The licence of a package as an SPDX expression; empty: it does not say so in a form that can be
// read. Read once from the package's copyright file and kept under the package's digest. Errors: as
// read_deb.
Result<std::string> package_licence(const LocatedPackage& package, const RecipeCache& recipes);

// For who has the copyright file at hand: keeps what package_licence() will give.
Status keep_licence(const LocatedPackage& package, std::string_view copyright,
                    const RecipeCache& recipes);

}  // namespace osiekit::builder
