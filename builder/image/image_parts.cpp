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

// A list that was kept beside a segment; false if there is none, as an older version kept less.
bool read_names(const nlohmann::json& kept, const char* key, std::vector<std::string>& names) {
    try {
        names = kept.at(key).get<std::vector<std::string>>();
        return true;
    } catch (const nlohmann::json::exception&) {
        return false;
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

Status ImageBuilder::add_package(const LocatedPackage& package) {
    std::string name = "package " + package.reference();
    if (!package.digest_known) {
        parts_.push_back(unknown_part(std::move(name)));
        return {};
    }
    Part part;
    part.self_contained = true;
    part.keep_key = "package 4 " + package.reference() + " " + package.digest.hex() +
                    firmware_key(profile_.firmware, image_.modules.firmware);
    OSIEKIT_ASSIGN(auto kept, packer_.recall(part.keep_key));
    std::vector<std::string> applets;
    std::vector<std::string> lost;  // warnings
    auto linking = kept && kept->extra.contains("linking") ? link_facts_from(kept->extra["linking"])
                                                           : std::nullopt;
    if (linking && read_names(kept->extra, "applets", applets) &&
        read_names(kept->extra, "lost", lost)) {
        part.linking = *std::move(linking);
        part.ready = std::move(kept->segment);
        part.keep_key.clear();
    } else if (goal_ == BuildGoal::plan) {
        part = unknown_part(std::move(name));
    } else {
        OSIEKIT_ASSIGN(Tree all, package_tree(package, lost));
        OSIEKIT_ASSIGN(Tree tree, select_firmware(all, profile_.firmware, image_.modules.firmware));
        part.request.name = std::move(name);
        part.request.entries = tree.entries();
        if (is_apk(package)) {
            OSIEKIT_ASSIGN(applets, read_applets(tree));
        }
        OSIEKIT_ASSIGN(part.linking, link_facts(tree.entries()));
        part.keep_extra["applets"] = applets;
        part.keep_extra["lost"] = lost;
        part.keep_extra["linking"] = to_json(part.linking);
    }
    applets_.insert(applets_.end(), applets.begin(), applets.end());
    image_.warnings.insert(image_.warnings.end(), lost.begin(), lost.end());
    parts_.push_back(std::move(part));
    return {};
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
