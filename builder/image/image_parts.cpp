#include <algorithm>
#include <utility>

#include "builder/image/carried_images.hpp"
#include "builder/image/image_builder.hpp"
#include "builder/image/image_modules.hpp"

namespace osiekit::builder {

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
    std::size_t first = parts_.size();
    for (const LocatedPackage& package : packages_.image) OSIEKIT_TRY(add_package(package));
    OSIEKIT_TRY(settle_replacements(first));
    OSIEKIT_TRY(add_images());
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

void ImageBuilder::set_images_apart() {
    auto& all = packages_.image;
    auto first = std::stable_partition(all.begin(), all.end(), [](const LocatedPackage& package) {
        return package.system != PackageSystem::oci;
    });
    carried_.assign(first, all.end());
    all.erase(first, all.end());
}

Status ImageBuilder::add_images() {
    std::vector<CarriedImage> images;
    for (const LocatedPackage& package : carried_) {
        OSIEKIT_ASSIGN(auto image, find_image(blobs_, package));
        if (!image && goal_ == BuildGoal::plan) {
            parts_.push_back(unknown_part(std::string(carried_part)));
            return {};
        }
        if (!image)
            return Error(ErrorKind::internal,
                         "the image " + package.name + " vanished from the cache");
        images.push_back(*std::move(image));
    }
    if (images.empty()) return {};
    Part part;
    part.self_contained = true;
    part.keep_key = carried_key(images);
    OSIEKIT_ASSIGN(auto kept, packer_.recall(part.keep_key));
    if (kept) {
        part.ready = std::move(kept->segment);
        part.keep_key.clear();
    } else {
        OSIEKIT_ASSIGN(Tree tree, carried_tree(images));
        part.request.name = carried_part;
        part.request.entries = tree.entries();
    }
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
