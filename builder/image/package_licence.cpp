#include "builder/image/package_licence.hpp"

#include "builder/licence/copyright.hpp"
#include "builder/licence/expression.hpp"
#include "builder/package_reader.hpp"

namespace osiekit::builder {

namespace {

std::string licence_key(const LocatedPackage& package) {
    return "licence 1 " + package.name + " " + package.digest.hex();
}

// What cannot be read says nothing, and is no reason not to build.
std::string licence_in(std::string_view copyright) {
    auto licence = licence_of_copyright(copyright);
    return licence ? *std::move(licence) : std::string();
}

}  // namespace

Status keep_licence(const LocatedPackage& package, std::string_view copyright,
                    const RecipeCache& recipes) {
    return recipes.put(licence_key(package), {{"license", licence_in(copyright)}});
}

Result<std::string> package_licence(const LocatedPackage& package, const RecipeCache& recipes) {
    // Nothing in an image says under which licences all that is in it stands.
    if (package.system == PackageSystem::oci) return std::string();
    if (package.system == PackageSystem::alpine) {
        // Older entries of the index are no expressions; what cannot be read says nothing.
        auto licence = spdx_expression(package.license, LicenceDialect::alpine);
        return licence ? *std::move(licence) : std::string();
    }
    if (auto kept = recipes.find(licence_key(package)))
        if (kept->is_object() && kept->contains("license") && (*kept)["license"].is_string())
            return (*kept)["license"].get<std::string>();
    std::string copyright;
    std::string wanted = copyright_path(package.name);
    OSIEKIT_TRY(read_package(
                    package,
                    [&](PackageFile&& file) {
                        copyright = std::move(file.content);
                        return Status();
                    },
                    [&](std::string_view path, FileType type) {
                        return type == FileType::regular && path == wanted;
                    })
                    .context("reading the licence of the package " + package.name));
    OSIEKIT_TRY(keep_licence(package, copyright, recipes));
    return licence_in(copyright);
}

}  // namespace osiekit::builder
