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
    std::string architecture;
    AlpineSpec alpine;
    std::filesystem::path cache;
    bool offline = false;
    bool refresh = false;
    ProgressCallback progress;
    std::function<bool()> cancelled;
    std::function<void(std::string_view)> warning;
};
std::shared_ptr<PackageSource> open_repositories(const PackageAccess& access);

// SOURCE_DATE_EPOCH, 0 if it is not set. Errors: invalid_input.
Result<std::uint32_t> source_date();

}  // namespace osiekit::builder
