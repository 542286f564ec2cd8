#include "builder/image/build.hpp"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "builder/cache/crew.hpp"
#include "builder/image/applets.hpp"
#include "builder/image/compose.hpp"
#include "builder/image/find_packages.hpp"
#include "builder/image/firmware.hpp"
#include "builder/image/image_modules.hpp"
#include "builder/image/lock_profile.hpp"
#include "builder/image/memory.hpp"
#include "builder/image/output.hpp"
#include "builder/image/package_licence.hpp"
#include "builder/image/plan.hpp"
#include "builder/image/source_tree.hpp"
#include "builder/kernel/elf.hpp"
#include "builder/linking/check_libraries.hpp"
#include "builder/linking/host_libraries.hpp"
#include "builder/linking/link_facts.hpp"
#include "builder/package_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// A segment in the making: either it is there already, or its entries are.
struct Part {
    SegmentRequest request;
    std::optional<Segment> ready;
    std::string keep_key;  // not empty: remember the packed segment under it
    nlohmann::json keep_extra = nlohmann::json::object();
    bool self_contained = false;  // the same whatever else is in the image
    bool known = true;            // false: only what is not here yet tells what is in it
    LinkFacts linking;            // of a self-contained one

    const Tree::Entries& entries() const { return ready ? ready->entries : request.entries; }
};

Part part_of(std::string name, const Tree& tree) {
    Part part;
    part.request.name = std::move(name);
    part.request.entries = tree.entries();
    return part;
}

Part unknown_part(std::string name) {
    Part part;
    part.request.name = std::move(name);
    part.known = false;
    return part;
}

// A list that was kept beside a segment; false if there is none, as an older version kept less.
bool read_names(const nlohmann::json& kept, const char* key, std::vector<std::string>& names) {
    try {
        names = kept.at(key).get<std::vector<std::string>>();
        return true;
    } catch (const nlohmann::json::exception&) {
        return false;
    }
}

enum class Goal { plan, image };

// What the builders of one run share.
struct Shared {
    BlobCache& blobs;
    const RecipeCache& recipes;
    std::shared_ptr<CompressedNow> compressed = std::make_shared<CompressedNow>();
};

class Builder {
  public:
    Builder(Goal goal, const Profile& profile, const BuildOptions& options, const Shared& shared)
        : goal_(goal),
          profile_(profile),
          options_(options),
          blobs_(shared.blobs),
          recipes_(shared.recipes),
          kernels_(blobs_, recipes_, options.cancelled),
          packer_(blobs_, recipes_,
                  {profile.compression, options.mtime, options.parallel, options.progress,
                   options.cancelled, shared.compressed}) {}

    Result<BuiltImage> run(FoundPackages packages) {
        packages_ = std::move(packages);
        image_.packages = packages_.all();
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

    // These three make one thing alone and leave it in the cache; for a builder that does nothing
    // else.
    Status prepare_kernel(const LocatedPackage& package) {
        OSIEKIT_ASSIGN(auto facts, kernels_.facts(package));
        if (!facts) return {};
        packages_.kernel = {package};
        OSIEKIT_TRY(find_kernel());
        OSIEKIT_ASSIGN(Part modules, module_part());
        parts_.push_back(std::move(modules));
        OSIEKIT_TRY(pack());
        auto licence = package_licence(package, recipes_);
        return licence ? Status() : Status(std::move(licence).error());
    }
    Status prepare_package(const LocatedPackage& package) {
        // What is needed of such a package, only the modules tell.
        if (profile_.firmware.mode == FirmwareSpec::Mode::needed) return {};
        OSIEKIT_TRY(add_package(package));
        OSIEKIT_TRY(pack());
        auto licence = package_licence(package, recipes_);
        return licence ? Status() : Status(std::move(licence).error());
    }
    Status prepare_programs() {
        OSIEKIT_TRY(add_programs());
        return pack();
    }

    // The same way as far as it goes without a package that is not here.
    Result<ImagePlan> plan() {
        ImagePlan plan;
        stage("finding packages");
        OSIEKIT_ASSIGN(packages_, find_packages(profile_, *options_.packages, false));
        for (auto* list : {&packages_.kernel, &packages_.image})
            for (LocatedPackage& package : *list) OSIEKIT_TRY(look_for(package));
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
        plan.packages = std::move(packages_);
        if (kernel_known_) plan.kernel = image_.kernel;
        plan.warnings = image_.warnings;
        return plan;
    }

  private:
    static PlannedSegment planned_segment(const Part& part) {
        PlannedSegment planned;
        planned.name = part.ready ? part.ready->name : part.request.name;
        if (!part.ready) return planned;
        planned.unpacked = part.ready->unpacked;
        planned.size = part.ready->size;
        planned.cached = part.ready->from_cache;
        return planned;
    }

    // A lock does not say what is in the cache.
    Status look_for(LocatedPackage& package) {
        if (!package.file.empty() || !package.digest_known) return {};
        OSIEKIT_ASSIGN(auto file, blobs_.find(package.digest));
        if (file) package.file = *std::move(file);
        return {};
    }

    // Every part in its place. For a plan, a part that would have to be made from a package stays
    // unknown.
    Status collect_parts() {
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
            OSIEKIT_ASSIGN(Tree tree, source_tree(spec, image_.warnings));
            parts_.push_back(part_of("tree " + spec.source.filename().string(), tree));
        }
        OSIEKIT_ASSIGN(Tree site, site_tree(profile_, image_.warnings));
        parts_.push_back(part_of("site", site));
        parts_.back().request.last = sentinel_path;
        return {};
    }

    void stage(std::string_view name) const {
        if (options_.stage) options_.stage(name);
    }

    // Of the packages that were found for the kernel, the one that brings it.
    Status find_kernel() {
        image_.name = profile_.name;
        image_.outputs = profile_.outputs;
        image_.architecture = profile_.architecture;
        const KernelSpec& kernel = profile_.kernel;
        bool found = false;
        for (const LocatedPackage& package : packages_.kernel) {
            if (goal_ == Goal::plan) {
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
        image_.cmdline =
            image_cmdline(profile_.kernel.cmdline, image_.kernel.reads_initramfs_options);
        return check_kernel_unpacks();
    }

    Status check_kernel_unpacks() {
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

    // The kernel is older than the image, but its date is the same in every build.
    InitFacts init_facts() const {
        return {image_.modules.load, std::max<std::int64_t>(image_.kernel.built, options_.mtime)};
    }

    Result<Part> module_part() {
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
        if (goal_ == Goal::plan) return unknown_part("modules");
        OSIEKIT_ASSIGN(
            ImageModules modules,
            image_modules(profile_, kernels_, image_.kernel_package, image_.kernel.version));
        image_.modules = std::move(modules.report);
        part.request.name = "modules";
        part.request.entries = modules.tree.entries();
        part.keep_extra = to_json(image_.modules);
        return part;
    }

    Status add_package(const LocatedPackage& package) {
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
        auto linking = kept && kept->extra.contains("linking")
                           ? link_facts_from(kept->extra["linking"])
                           : std::nullopt;
        if (linking && read_names(kept->extra, "applets", applets) &&
            read_names(kept->extra, "lost", lost)) {
            part.linking = *std::move(linking);
            part.ready = std::move(kept->segment);
            part.keep_key.clear();
        } else if (goal_ == Goal::plan) {
            part = unknown_part(std::move(name));
        } else {
            OSIEKIT_ASSIGN(Tree all, package_tree(package, lost));
            OSIEKIT_ASSIGN(Tree tree,
                           select_firmware(all, profile_.firmware, image_.modules.firmware));
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

    Status add_programs() {
        std::vector<ProgramSpec> programs = profile_.programs;
        std::sort(programs.begin(), programs.end(),
                  [](const ProgramSpec& a, const ProgramSpec& b) { return a.path < b.path; });
        for (const ProgramSpec& program : programs) {
            OSIEKIT_ASSIGN(Tree tree, program_tree(program, options_.programs));
            parts_.push_back(part_of("program " + program.name, tree));
        }
        return {};
    }

    // What a script of Alpine's busybox does.
    Status add_applet_links() {
        if (applets_.empty()) return {};
        stage("linking applets");
        auto taken = [&](const std::string& path) {
            auto has = [&](const Part& part) { return part.entries().count(path) != 0; };
            return std::any_of(parts_.begin(), parts_.end(), has);
        };
        OSIEKIT_ASSIGN(Tree links, applet_tree(applets_, taken));
        parts_.insert(parts_.end() - 1, part_of("applet links", links));
        return {};
    }

    // What programs of the build machine bring along, and the cache of glibc's loader where it
    // is needed; programs that lack libraries are refused.
    Status add_libraries() {
        stage("linking libraries");
        for (const Part& part : parts_)
            for (const auto& [path, entry] : part.entries()) OSIEKIT_TRY(whole_.add(path, entry));
        OSIEKIT_ASSIGN(std::vector<HostLibrary> libraries, host_libraries(profile_));
        if (!libraries.empty()) {
            OSIEKIT_ASSIGN(Tree tree, host_library_tree(libraries, whole_));
            OSIEKIT_TRY(add_late("libraries of files", tree));
        }
        LinkFacts facts;
        for (const Part& part : parts_) {
            facts.add(part.linking);
            if (part.self_contained) continue;
            OSIEKIT_ASSIGN(LinkFacts more, link_facts(part.entries()));
            facts.add(more);
        }
        std::uint16_t machine =
            profile_.architecture == "arm64" ? elf_machine_aarch64 : elf_machine_x86_64;
        LibraryReport report = check_libraries(whole_, facts, machine, profile_.optional_programs);
        for (const auto* list : {&facts.warnings, &report.warnings})
            image_.warnings.insert(image_.warnings.end(), list->begin(), list->end());
        OSIEKIT_TRY(refuse_broken(report));
        if (report.cache.empty()) return {};
        Tree cache;
        OSIEKIT_TRY(cache.add("etc/ld.so.cache", Entry::file(FileContent::bytes(report.cache),
                                                             std::string(base_origin))));
        return add_late("library cache", cache);
    }

    // A part that follows from the others; the sentinel stays in the last one.
    Status add_late(std::string name, const Tree& tree) {
        for (const auto& [path, entry] : tree.entries()) OSIEKIT_TRY(whole_.add(path, entry));
        parts_.insert(parts_.end() - 1, part_of(std::move(name), tree));
        return {};
    }

    // Looks at all parts together: conflicts, programs that could not start. Implied directories of
    // the parts that are made now take the mode and owner that another part states.
    Status check_whole() {
        for (const ProgramSpec& program : profile_.programs)
            OSIEKIT_TRY(
                check_program(whole_, program, profile_.architecture).context(program.where));
        if (whole_.resolve("init") == nullptr)
            return Error(ErrorKind::invalid_input, "the image has no /init to start")
                .hint("leave out the key \"programs\", or place one there");
        for (const ServiceSpec& service : profile_.init.services)
            if (whole_.resolve(service.command.front()) == nullptr)
                return Error(ErrorKind::invalid_input, "the service " + service.name + " runs " +
                                                           printable(service.command.front()) +
                                                           ", which is not in the image");
        OSIEKIT_TRY(check_firmware());
        for (Part& part : parts_) {
            if (part.self_contained) continue;
            for (auto& [path, entry] : part.request.entries)
                if (entry.implied) entry = *whole_.find(path);
        }
        return {};
    }

    // Not every firmware file that a module names is needed, nor does each exist.
    Status check_firmware() {
        ModuleReport& modules = image_.modules;
        OSIEKIT_TRY(check_patterns(whole_, profile_.firmware));
        MissingFirmware missing =
            missing_firmware(whole_, modules.firmware, image_.kernel.firmware_suffixes);
        modules.missing_firmware = missing.missing;
        if (profile_.firmware.mode == FirmwareSpec::Mode::none) return {};
        for (std::string& text : firmware_warnings(missing))
            image_.warnings.push_back(std::move(text));
        return {};
    }

    Status pack() {
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

    // What the manifest says of where everything came from.
    Status note_inputs() {
        for (const LocatedPackage& package : image_.packages) {
            OSIEKIT_ASSIGN(std::string licence, package_licence(package, recipes_));
            image_.licences[package.digest] = std::move(licence);
        }
        image_.profile = profile_.sources;
        image_.profile_directory = profile_.directory;
        image_.mtime = options_.mtime;
        for (const auto& [name, variable] : profile_.variables)
            if (variable.value) image_.variables[name] = Sha256::of(*variable.value);
        OSIEKIT_ASSIGN(image_.inputs, lock_inputs(profile_, options_.programs, options_.mtime));
        for (const FileSpec& file : profile_.files)
            if (file.source && !file.is_template)
                image_.copies[file.path] = locked_name(*file.source, profile_.directory);
        return {};
    }

    Goal goal_;
    const Profile& profile_;
    const BuildOptions& options_;
    BlobCache& blobs_;
    const RecipeCache& recipes_;
    KernelStore kernels_;
    SegmentPacker packer_;
    FoundPackages packages_;
    std::vector<Part> parts_;
    Tree whole_;                        // all of them together
    std::vector<std::string> applets_;  // paths of links to busybox
    bool kernel_known_ = false;
    BuiltImage image_;
};

// Makes what follows from one package alone while others are on their way. It goes through the
// cache, where the build finds it afterwards: its result is the same with and without.
class Preparer {
  public:
    Preparer(const Profile& profile, const BuildOptions& options, const Shared& shared)
        : profile_(profile),
          told_(options.prepared),
          shared_(shared),
          options_(options),
          crew_(options.parallel, preparing_memory) {
        options_.stage = nullptr;
        options_.progress = nullptr;
        options_.cancelled = [this, outer = options.cancelled] {
            return crew_.stopping() || (outer && outer());
        };
    }

    Result<FoundPackages> find() {
        crew_.add(small_memory, [this] { return builder().prepare_programs(); });
        FoundWatch watch;
        watch.kernel = {arrival(true), options_.cancelled};
        watch.image = {arrival(false), options_.cancelled};
        auto found = find_packages(profile_, *options_.packages, true, watch);
        if (!found && !crew_.stopping()) {
            crew_.stop();
            return found;
        }
        OSIEKIT_TRY(crew_.finish());
        return found;
    }

  private:
    static constexpr std::uint64_t mebi = 1U << 20U;
    static constexpr std::uint64_t preparing_memory = 160 * mebi;
    static constexpr std::uint64_t kernel_memory = 128 * mebi;
    static constexpr std::uint64_t small_memory = 32 * mebi;

    Builder builder() { return {Goal::image, profile_, options_, shared_}; }

    std::function<Status(const LocatedPackage&)> arrival(bool kernel) {
        return [this, kernel](const LocatedPackage& package) -> Status {
            // What happened is what finish() says.
            if (crew_.stopping()) return Error(ErrorKind::cancelled, "interrupted");
            if (!first_time(package, kernel)) return {};
            // A package's files are in memory until they are compressed.
            std::uint64_t memory =
                kernel ? kernel_memory : small_memory + 2 * package.installed_size;
            crew_.add(memory, [this, kernel, package]() -> Status {
                if (kernel)
                    OSIEKIT_TRY(builder().prepare_kernel(package));
                else
                    OSIEKIT_TRY(builder().prepare_package(package));
                if (told_) told_(package);
                return {};
            });
            return {};
        };
    }

    bool first_time(const LocatedPackage& package, bool kernel) {
        std::lock_guard lock(mutex_);
        return seen_.emplace(package.digest, kernel).second;
    }

    const Profile& profile_;
    const std::function<void(const LocatedPackage&)>& told_;
    const Shared& shared_;
    BuildOptions options_;
    std::mutex mutex_;
    std::set<std::pair<Sha256, bool>> seen_;
    Crew crew_;  // the last one, as its jobs use the others
};

}  // namespace

Result<BuiltImage> build_image(const Profile& profile, const BuildOptions& options) {
    OSIEKIT_ASSIGN(BlobCache blobs, BlobCache::open(options.cache));
    OSIEKIT_ASSIGN(RecipeCache recipes, RecipeCache::open(options.cache));
    Shared shared{blobs, recipes};
    if (options.stage) options.stage("finding packages");
    Preparer preparer(profile, options, shared);
    OSIEKIT_ASSIGN(FoundPackages packages, preparer.find());
    Builder builder(Goal::image, profile, options, shared);
    return builder.run(std::move(packages));
}

Result<ImagePlan> plan_image(const Profile& profile, const BuildOptions& options) {
    OSIEKIT_ASSIGN(BlobCache blobs, BlobCache::open(options.cache));
    OSIEKIT_ASSIGN(RecipeCache recipes, RecipeCache::open(options.cache));
    Builder builder(Goal::plan, profile, options, {blobs, recipes});
    return builder.plan();
}

}  // namespace osiekit::builder
