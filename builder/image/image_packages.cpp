// The parts of an image that packages give.
#include <nlohmann/json.hpp>
#include <utility>

#include "builder/image/applets.hpp"
#include "builder/image/firmware.hpp"
#include "builder/image/image_builder.hpp"
#include "builder/image/replaced_files.hpp"
#include "builder/linking/link_facts.hpp"
#include "builder/package_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

std::string holding_key(const LocatedPackage& package) {
    return "holds firmware 1 " + package.digest.hex();
}

}  // namespace

// Without firmware in it, a package is the same whatever the profile wants of firmware.
std::string ImageBuilder::package_key(const LocatedPackage& package, bool firmware,
                                      const std::set<std::string>& without) const {
    std::string left_out =
        without.empty()
            ? ""
            : " without " + Sha256::of(join({without.begin(), without.end()}, "\n")).hex();
    return "package 5 " + package.reference() + " " + package.digest.hex() +
           (firmware ? firmware_key(profile_.firmware, image_.modules.firmware) : "") + left_out;
}

std::optional<bool> ImageBuilder::known_to_hold_firmware(const LocatedPackage& package) const {
    if (!package.digest_known) return std::nullopt;
    auto recipe = recipes_.find(holding_key(package));
    if (!recipe || !recipe->is_object() || !recipe->contains("firmware") ||
        !(*recipe)["firmware"].is_boolean())
        return std::nullopt;
    return (*recipe)["firmware"].get<bool>();
}

Status ImageBuilder::add_package(const LocatedPackage& package) {
    OSIEKIT_ASSIGN(PackagePart made, package_part(package, {}));
    applets_.insert(applets_.end(), made.applets.begin(), made.applets.end());
    image_.warnings.insert(image_.warnings.end(), made.lost.begin(), made.lost.end());
    parts_.push_back(std::move(made.part));
    return {};
}

Result<ImageBuilder::PackagePart> ImageBuilder::package_part(const LocatedPackage& package,
                                                             const std::set<std::string>& without) {
    OSIEKIT_ASSIGN(auto recalled, recall_package(package, without));
    if (recalled) return *std::move(recalled);
    if (goal_ == BuildGoal::plan || !package.digest_known)
        return PackagePart{unknown_part("package " + package.reference()), {}, {}};
    return unpack_package(package, without);
}

Result<std::optional<ImageBuilder::PackagePart>> ImageBuilder::recall_package(
    const LocatedPackage& package, const std::set<std::string>& without) {
    std::optional<PackagePart> made;
    std::optional<bool> firmware = known_to_hold_firmware(package);
    if (!firmware) return made;
    OSIEKIT_ASSIGN(auto kept, packer_.recall(package_key(package, *firmware, without)));
    if (!kept) return made;
    try {
        PackagePart found;
        found.part.self_contained = true;
        found.part.replaces = kept->extra.at("replaces").get<std::string>();
        found.applets = kept->extra.at("applets").get<std::vector<std::string>>();
        found.lost = kept->extra.at("lost").get<std::vector<std::string>>();
        auto linking = link_facts_from(kept->extra.at("linking"));
        if (!linking) return made;
        found.part.linking = *std::move(linking);
        found.part.ready = std::move(kept->segment);
        made = std::move(found);
    } catch (const nlohmann::json::exception&) {
        // An older version kept less.
        return std::optional<PackagePart>();
    }
    return made;
}

Result<ImageBuilder::PackagePart> ImageBuilder::unpack_package(
    const LocatedPackage& package, const std::set<std::string>& without) {
    PackagePart made;
    Part& part = made.part;
    OSIEKIT_ASSIGN(Tree all, package_tree(package, made.lost));
    bool firmware = holds_firmware(all);
    OSIEKIT_TRY(recipes_.put(holding_key(package), {{"firmware", firmware}}));
    OSIEKIT_ASSIGN(Tree tree, select_firmware(all, profile_.firmware, image_.modules.firmware));
    if (is_apk(package)) {
        OSIEKIT_ASSIGN(made.applets, read_applets(tree));
    } else {
        OSIEKIT_ASSIGN(auto control, read_deb_control(package.file));
        part.replaces = control["replaces"];
    }
    part.self_contained = true;
    part.keep_key = package_key(package, firmware, without);
    part.request.name = "package " + package.reference();
    part.request.entries = tree.entries();
    for (const std::string& path : without) part.request.entries.erase(path);
    OSIEKIT_ASSIGN(part.linking, link_facts(part.request.entries));
    part.keep_extra = {{"applets", made.applets},
                       {"lost", made.lost},
                       {"linking", to_json(part.linking)},
                       {"replaces", part.replaces}};
    return made;
}

Status ImageBuilder::settle_replacements(std::size_t first) {
    std::vector<OwnedFiles> packages;
    for (std::size_t i = 0; i < packages_.image.size(); ++i) {
        const LocatedPackage& package = packages_.image[i];
        const Part& part = parts_[first + i];
        // The names in the field are Debian's.
        packages.push_back(
            {is_apk(package) ? "" : package.name, package.version, part.replaces, &part.entries()});
    }
    std::vector<std::set<std::string>> lost = replaced_files(packages);
    for (std::size_t i = 0; i < lost.size(); ++i) {
        if (lost[i].empty()) continue;
        OSIEKIT_ASSIGN(PackagePart made, package_part(packages_.image[i], lost[i]));
        parts_[first + i] = std::move(made.part);
    }
    return {};
}

}  // namespace osiekit::builder
