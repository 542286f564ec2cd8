#include "builder/commands/package_access.hpp"

#include <cstdlib>
#include <limits>

#include "builder/image/repositories.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {
// As skopeo, podman and buildah call it.
constexpr const char* credentials_variable = "REGISTRY_AUTH_FILE";
}  // namespace

std::shared_ptr<PackageSource> open_repositories(const Profile& profile,
                                                 const PackageAccess& access) {
    Repositories::Options settings;
    auto common = [&](auto& repository) {
        repository.architecture = profile.architecture;
        repository.cache = access.cache;
        repository.offline = access.offline;
        repository.progress = access.progress;
        repository.cancelled = access.cancelled;
    };
    common(settings.debian);
    common(settings.alpine);
    common(settings.images);
    settings.debian.refresh = settings.alpine.refresh = access.refresh;
    settings.cache = access.cache;
    settings.alpine.mirror = profile.alpine.mirror;
    settings.alpine.branch = profile.alpine.branch;
    settings.alpine.repositories = profile.alpine.repositories;
    settings.alpine.keys = profile.alpine.keys;
    for (const CarriedSpec& image : profile.images)
        if (image.source) settings.images.layouts[image.name] = *image.source;
    settings.images.insecure = profile.agent.insecure_registries;
    if (const char* file = std::getenv(credentials_variable)) settings.images.credentials = file;
    settings.images.warning = access.warning;
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
