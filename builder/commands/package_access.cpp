#include "builder/commands/package_access.hpp"

#include <cstdlib>
#include <limits>

#include "builder/image/repositories.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

std::shared_ptr<PackageSource> open_repositories(const PackageAccess& access) {
    Repositories::Options settings;
    auto common = [&](auto& repository) {
        repository.architecture = access.architecture;
        repository.cache = access.cache;
        repository.offline = access.offline;
        repository.refresh = access.refresh;
        repository.progress = access.progress;
        repository.cancelled = access.cancelled;
    };
    common(settings.debian);
    common(settings.alpine);
    settings.cache = access.cache;
    settings.alpine.mirror = access.alpine.mirror;
    settings.alpine.branch = access.alpine.branch;
    settings.alpine.repositories = access.alpine.repositories;
    settings.alpine.keys = access.alpine.keys;
    settings.warning = access.warning;
    return std::make_shared<Repositories>(std::move(settings));
}

Result<std::uint32_t> source_date() {
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == '\0') return std::uint32_t{0};
    auto seconds = parse_u64(text);
    if (!seconds || *seconds > std::numeric_limits<std::uint32_t>::max())
        return Error(ErrorKind::invalid_input, "SOURCE_DATE_EPOCH is \"" + printable(text) +
                                                   "\", not seconds from 1970 to 2106");
    return static_cast<std::uint32_t>(*seconds);
}

}  // namespace osiekit::builder
