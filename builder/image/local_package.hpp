#pragma once

#include <filesystem>

#include "builder/packages/package.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A .deb file that the profile names directly. Errors: not_found, invalid_input (not a package).
Result<LocatedPackage> local_package(const std::filesystem::path& file);

}  // namespace osiekit::builder
