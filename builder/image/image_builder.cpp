#include "builder/image/image_builder.hpp"

#include <algorithm>
#include <utility>

#include "builder/carried/carried_image.hpp"
#include "builder/image/lock_profile.hpp"
#include "builder/image/memory.hpp"
#include "builder/image/output.hpp"
#include "builder/image/package_licence.hpp"
#include "builder/kernel/sandbox_options.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

Result<BuiltImage> ImageBuilder::run(FoundPackages packages) {
    packages_ = std::move(packages);
    image_.packages = packages_.all();
    set_images_apart();
    OSIEKIT_TRY(find_kernel());
    OSIEKIT_TRY(collect_parts());
    OSIEKIT_TRY(add_applet_links());
    OSIEKIT_TRY(add_libraries());
    OSIEKIT_TRY(check_whole());
    stage("packing segments");
    OSIEKIT_TRY(pack());
    OSIEKIT_TRY(note_inputs());
    stage("writing the image");
    OSIEKIT_ASSIGN(auto vmlinuz, blobs_.find(image_.kernel.vmlinuz));
    if (!vmlinuz) return Error(ErrorKind::internal, "the kernel vanished from the cache");
    OSIEKIT_TRY(write_image(image_, *vmlinuz, options_.out, options_.cancelled)
                    .context("writing the image to " + options_.out.string()));
    return std::move(image_);
}

Result<std::optional<ModuleFirmware>> ImageBuilder::prepare_kernel(const LocatedPackage& package) {
    OSIEKIT_ASSIGN(auto facts, kernels_.facts(package));
    if (!facts) return std::optional<ModuleFirmware>();
    packages_.kernel = {package};
    OSIEKIT_TRY(find_kernel());
    OSIEKIT_ASSIGN(Part modules, module_part());
    parts_.push_back(std::move(modules));
    OSIEKIT_TRY(keep(package));
    return std::optional(image_.modules.firmware);
}

Result<bool> ImageBuilder::prepare_package(const LocatedPackage& package,
                                           const std::optional<ModuleFirmware>& asked) {
    bool wait = !asked && profile_.firmware.mode == FirmwareSpec::Mode::needed;
    if (wait && known_to_hold_firmware(package).value_or(false)) return false;
    if (asked) image_.modules.firmware = *asked;
    OSIEKIT_TRY(add_package(package));
    // Now it is known in any case.
    if (wait && known_to_hold_firmware(package).value_or(true)) return false;
    OSIEKIT_TRY(keep(package));
    return true;
}

Status ImageBuilder::prepare_programs() {
    OSIEKIT_TRY(add_programs());
    return pack();
}

Status ImageBuilder::keep(const LocatedPackage& package) {
    OSIEKIT_TRY(pack());
    auto licence = package_licence(package, recipes_);
    return licence ? Status() : Status(std::move(licence).error());
}

Result<ImagePlan> ImageBuilder::plan() {
    ImagePlan plan;
    stage("finding packages");
    OSIEKIT_ASSIGN(packages_, find_packages(profile_, *options_.packages, false));
    for (auto* list : {&packages_.kernel, &packages_.image})
        for (LocatedPackage& package : *list) OSIEKIT_TRY(look_for(package));
    plan.packages = packages_;
    set_images_apart();
    OSIEKIT_TRY(find_kernel());
    OSIEKIT_TRY(collect_parts());
    plan.known =
        std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.known; });
    if (plan.known) {
        OSIEKIT_TRY(add_applet_links());
        OSIEKIT_TRY(add_libraries());
        OSIEKIT_TRY(check_whole());
    }
    for (Part& part : parts_) {
        if (plan.known && !part.ready) {
            OSIEKIT_ASSIGN(part.ready, packer_.look_up(part.request));
        }
        plan.segments.push_back(planned_segment(part));
    }
    plan.name = image_.name;
    plan.architecture = image_.architecture;
    plan.compression = profile_.compression;
    plan.services = profile_.init.services;
    if (kernel_known_) plan.kernel = image_.kernel;
    plan.warnings = image_.warnings;
    return plan;
}

Status ImageBuilder::look_for(LocatedPackage& package) {
    if (!package.file.empty() || !package.digest_known) return {};
    if (package.system == PackageSystem::oci) {
        OSIEKIT_ASSIGN(auto image, find_image(blobs_, package));
        if (image) package.file = image->files.front();
        return {};
    }
    OSIEKIT_ASSIGN(auto file, blobs_.find(package.digest));
    if (file) package.file = *std::move(file);
    return {};
}

Status ImageBuilder::find_kernel() {
    image_.name = profile_.name;
    image_.outputs = profile_.outputs;
    image_.architecture = profile_.architecture;
    const KernelSpec& kernel = profile_.kernel;
    bool found = false;
    for (const LocatedPackage& package : packages_.kernel) {
        if (goal_ == BuildGoal::plan) {
            OSIEKIT_ASSIGN(auto recalled, kernels_.recall(package));
            if (!recalled) return {};
        }
        OSIEKIT_ASSIGN(auto facts, kernels_.facts(package));
        if (!facts) continue;
        if (found)
            return Error(ErrorKind::invalid_input, kernel.where + ": both " +
                                                       image_.kernel_package.name + " and " +
                                                       package.name + " hold a kernel");
        found = true;
        image_.kernel = *facts;
        image_.kernel_package = package;
    }
    kernel_known_ = found;
    if (!found)
        return Error(ErrorKind::invalid_input,
                     kernel.where + ": the package " + kernel.package + " brings no kernel")
            .hint("name a package such as linux-image-cloud-amd64");
    image_.cmdline = image_cmdline(profile_.kernel.cmdline, image_.kernel.reads_initramfs_options);
    OSIEKIT_TRY(check_kernel_unpacks());
    return check_kernel_confines();
}

Status ImageBuilder::check_kernel_unpacks() {
    image_.compression = profile_.compression;
    CompressionMethod method = profile_.compression.method;
    const auto& unpacks = image_.kernel.unpacks;
    if (unpacks.count(method) != 0) return {};
    std::vector<std::string> names;
    for (CompressionMethod possible : unpacks) names.emplace_back(to_string(possible));
    return Error(ErrorKind::unsupported,
                 profile_.kernel.where + ": the kernel " + image_.kernel.version +
                     " cannot unpack " + std::string(to_string(method)) +
                     ": its configuration lacks " + std::string(kernel_option(method)))
        .hint("compress with " + join(names, " or "));
}

Status ImageBuilder::check_kernel_confines() const {
    for (const ServiceSpec& service : profile_.init.services) {
        if (!service.sandbox) continue;
        std::vector<std::string> lacking;
        for (std::string& option : options_of_sandbox(*service.sandbox))
            if (image_.kernel.lacks.count(option) != 0) lacking.push_back(std::move(option));
        if (lacking.empty()) continue;
        return Error(ErrorKind::unsupported,
                     service.where + ": the kernel " + image_.kernel.version +
                         " cannot make the sandbox of the service " + service.name +
                         ": its configuration lacks " + join(lacking, ", "))
            .hint("take another kernel, or leave out what needs it");
    }
    return {};
}

Status ImageBuilder::pack() {
    std::vector<SegmentRequest> requests;
    for (Part& part : parts_)
        if (!part.ready) requests.push_back(std::move(part.request));
    OSIEKIT_ASSIGN(std::vector<Segment> packed, packer_.pack_all(std::move(requests)));
    std::size_t next = 0;
    for (Part& part : parts_) {
        if (!part.ready) part.ready = std::move(packed[next++]);
        if (!part.keep_key.empty())
            OSIEKIT_TRY(packer_.keep(part.keep_key, *part.ready, part.keep_extra));
        image_.segments.push_back(*std::move(part.ready));
    }
    return {};
}

Status ImageBuilder::note_inputs() {
    for (const LocatedPackage& package : image_.packages) {
        OSIEKIT_ASSIGN(std::string licence, package_licence(package, recipes_));
        image_.licences[package.digest] = std::move(licence);
    }
    image_.profile = profile_.sources;
    image_.profile_directory = profile_.directory;
    image_.mtime = options_.mtime;
    for (const auto& [name, variable] : profile_.variables)
        if (variable.value) image_.variables[name] = Sha256::of(*variable.value);
    OSIEKIT_ASSIGN(image_.inputs, lock_inputs(profile_, options_.programs, options_.mtime, local_));
    OSIEKIT_TRY(check_kernel_file());
    for (const FileSpec& file : profile_.files)
        if (file.source && !file.is_template)
            image_.copies[file.path] = locked_name(*file.source, profile_.directory);
    return {};
}

// The package was copied, and the file hashed for the manifest.
Status ImageBuilder::check_kernel_file() const {
    if (image_.kernel_package.system != PackageSystem::file) return {};
    std::string name = locked_name(profile_.kernel.package, profile_.directory);
    for (const LockedDigest& item : image_.inputs.files)
        if (item.name == name && item.digest != image_.kernel_package.digest)
            return Error(ErrorKind::io, profile_.kernel.where + ": " + profile_.kernel.package +
                                            " changed while the image was built")
                .hint("try again when nothing writes to it");
    return {};
}

}  // namespace osiekit::builder
