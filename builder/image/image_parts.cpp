#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "builder/image/applets.hpp"
#include "builder/image/firmware.hpp"
#include "builder/image/image_builder.hpp"
#include "builder/image/image_modules.hpp"
#include "builder/linking/link_facts.hpp"
#include "builder/package_reader.hpp"

namespace osiekit::builder {

namespace {

std::string holding_key(const LocatedPackage& package) {
    return "holds firmware 1 " + package.digest.hex();
}

// What was kept beside a package's segment.
struct PackageNotes {
    std::vector<std::string> applets;
    std::vector<std::string> lost;  // warnings
    LinkFacts linking;
};

nlohmann::json to_json(const PackageNotes& notes) {
    return {{"applets", notes.applets}, {"lost", notes.lost}, {"linking", to_json(notes.linking)}};
}

// nullopt: an older version kept less.
std::optional<PackageNotes> notes_from(const nlohmann::json& kept) {
    try {
        PackageNotes notes;
        notes.applets = kept.at("applets").get<std::vector<std::string>>();
        notes.lost = kept.at("lost").get<std::vector<std::string>>();
        auto linking = link_facts_from(kept.at("linking"));
        if (!linking) return std::nullopt;
        notes.linking = *std::move(linking);
        return notes;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

}  // namespace

Status ImageBuilder::collect_parts() {
    stage("choosing modules");
    OSIEKIT_ASSIGN(Part modules, module_part());
    stage("collecting files");
    if (modules.known) {
        OSIEKIT_ASSIGN(Tree base, base_tree(profile_, init_facts()));
        parts_.push_back(part_of("base", base));
    } else {
        parts_.push_back(unknown_part("base"));
    }
    parts_.push_back(std::move(modules));
    for (const LocatedPackage& package : packages_.image) OSIEKIT_TRY(add_package(package));
    OSIEKIT_TRY(add_programs());
    for (const TreeSpec& spec : profile_.trees) {
        OSIEKIT_ASSIGN(LocalTree local, local_.tree(spec));
        parts_.push_back(part_of("tree " + spec.source.filename().string(), local.tree));
        image_.warnings.insert(image_.warnings.end(), local.warnings.begin(), local.warnings.end());
    }
    OSIEKIT_ASSIGN(Tree site, site_tree(profile_, local_, image_.warnings));
    parts_.push_back(part_of("site", site));
    parts_.back().request.last = sentinel_path;
    return {};
}

Result<Part> ImageBuilder::module_part() {
    if (!kernel_known_) return unknown_part("modules");
    Part part;
    part.self_contained = true;
    part.keep_key = modules_key(profile_, image_.kernel_package);
    OSIEKIT_ASSIGN(auto kept, packer_.recall(part.keep_key));
    auto known = kept ? module_report_from(kept->extra) : std::nullopt;
    if (known) {
        image_.modules = *std::move(known);
        part.ready = std::move(kept->segment);
        part.keep_key.clear();
        return part;
    }
    if (goal_ == BuildGoal::plan) return unknown_part("modules");
    OSIEKIT_ASSIGN(ImageModules modules,
                   image_modules(profile_, kernels_, image_.kernel_package, image_.kernel.version));
    image_.modules = std::move(modules.report);
    part.request.name = "modules";
    part.request.entries = modules.tree.entries();
    part.keep_extra = to_json(image_.modules);
    return part;
}

// Without firmware in it, a package is the same whatever the profile wants of firmware.
std::string ImageBuilder::package_key(const LocatedPackage& package, bool firmware) const {
    return "package 5 " + package.reference() + " " + package.digest.hex() +
           (firmware ? firmware_key(profile_.firmware, image_.modules.firmware) : "");
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
    OSIEKIT_ASSIGN(bool recalled, recall_package(package));
    if (recalled) return {};
    std::string name = "package " + package.reference();
    if (goal_ == BuildGoal::plan || !package.digest_known) {
        parts_.push_back(unknown_part(std::move(name)));
        return {};
    }
    PackageNotes notes;
    OSIEKIT_ASSIGN(Tree all, package_tree(package, notes.lost));
    bool firmware = holds_firmware(all);
    OSIEKIT_TRY(recipes_.put(holding_key(package), {{"firmware", firmware}}));
    OSIEKIT_ASSIGN(Tree tree, select_firmware(all, profile_.firmware, image_.modules.firmware));
    if (is_apk(package)) {
        OSIEKIT_ASSIGN(notes.applets, read_applets(tree));
    }
    OSIEKIT_ASSIGN(notes.linking, link_facts(tree.entries()));
    Part part;
    part.self_contained = true;
    part.keep_key = package_key(package, firmware);
    part.keep_extra = to_json(notes);
    part.request.name = std::move(name);
    part.request.entries = tree.entries();
    part.linking = std::move(notes.linking);
    applets_.insert(applets_.end(), notes.applets.begin(), notes.applets.end());
    image_.warnings.insert(image_.warnings.end(), notes.lost.begin(), notes.lost.end());
    parts_.push_back(std::move(part));
    return {};
}

Result<bool> ImageBuilder::recall_package(const LocatedPackage& package) {
    std::optional<bool> firmware = known_to_hold_firmware(package);
    if (!firmware) return false;
    OSIEKIT_ASSIGN(auto kept, packer_.recall(package_key(package, *firmware)));
    auto notes = kept ? notes_from(kept->extra) : std::nullopt;
    if (!notes) return false;
    Part part;
    part.self_contained = true;
    part.ready = std::move(kept->segment);
    part.linking = std::move(notes->linking);
    applets_.insert(applets_.end(), notes->applets.begin(), notes->applets.end());
    image_.warnings.insert(image_.warnings.end(), notes->lost.begin(), notes->lost.end());
    parts_.push_back(std::move(part));
    return true;
}

Status ImageBuilder::add_programs() {
    std::vector<ProgramSpec> programs = profile_.programs;
    std::sort(programs.begin(), programs.end(),
              [](const ProgramSpec& a, const ProgramSpec& b) { return a.path < b.path; });
    for (const ProgramSpec& program : programs) {
        OSIEKIT_ASSIGN(Tree tree, program_tree(program, options_.programs, local_));
        parts_.push_back(part_of("program " + program.name, tree));
    }
    return {};
}

InitFacts ImageBuilder::init_facts() const {
    return {image_.modules.load, std::max<std::int64_t>(image_.kernel.built, options_.mtime)};
}

}  // namespace osiekit::builder
