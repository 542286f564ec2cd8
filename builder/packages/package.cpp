#include "builder/packages/package.hpp"

#include <algorithm>
#include <array>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {
constexpr std::array systems = {PackageSystem::debian, PackageSystem::alpine, PackageSystem::file,
                                PackageSystem::oci};
}  // namespace

std::string_view to_string(PackageSystem system) {
    switch (system) {
        case PackageSystem::debian:
            return "debian";
        case PackageSystem::alpine:
            return "alpine";
        case PackageSystem::oci:
            return "oci";
        case PackageSystem::file:
            break;
    }
    return "file";
}

// "pool/main/x.deb" or "./x.deb".
bool valid_location(std::string_view path) {
    if (path.empty() || path[0] == '/' || path.find("://") != std::string_view::npos) return false;
    for (std::string_view part : split(path, '/'))
        if (part == "..") return false;
    return std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string package_reference(std::string_view system, std::string_view name) {
    if (system.empty() || system == to_string(PackageSystem::debian)) return std::string(name);
    return std::string(system) + ":" + std::string(name);
}

std::string LocatedPackage::reference() const {
    // Qualified: the type has a to_string of its own.
    return package_reference(builder::to_string(system), name);
}

std::optional<PackageSystem> parse_package_system(std::string_view text) {
    for (PackageSystem system : systems)
        if (to_string(system) == text) return system;
    return std::nullopt;
}

}  // namespace osiekit::builder
