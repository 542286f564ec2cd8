#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "builder/cache/fetch.hpp"
#include "builder/packages/source.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// How the repositories are asked.
struct PackageAccess {
    std::filesystem::path cache;
    bool offline = false;
    bool refresh = false;
    ProgressCallback progress;
    std::function<bool()> cancelled;
    std::function<void(std::string_view)> warning;
};
// Those of the profile. Registries get the credentials of the file that REGISTRY_AUTH_FILE names
// (in the form of Docker's config.json); without it nobody gets any.
std::shared_ptr<PackageSource> open_repositories(const Profile& profile,
                                                 const PackageAccess& access);

// SOURCE_DATE_EPOCH, 0 if it is not set. Errors: invalid_input.
Result<std::uint32_t> source_date();

}  // namespace osiekit::builder
