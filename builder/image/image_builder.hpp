#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/cache/blob_cache.hpp"
#include "builder/image/build.hpp"
#include "builder/image/compose.hpp"
#include "builder/image/find_packages.hpp"
#include "builder/image/image_part.hpp"
#include "builder/image/local_files.hpp"
#include "builder/image/plan.hpp"
#include "builder/image/recipe_cache.hpp"
#include "builder/image/segment.hpp"
#include "builder/kernel/kernel_store.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

enum class BuildGoal { plan, image };

// What the builders of one run share.
struct BuildStores {
    BlobCache& blobs;
    const RecipeCache& recipes;
    const LocalFiles& local;
    std::shared_ptr<CompressedNow> compressed = std::make_shared<CompressedNow>();
};

// One run through a profile: what build_image() and plan_image() do once the packages are found.
class ImageBuilder {
  public:
    ImageBuilder(BuildGoal goal, const Profile& profile, const BuildOptions& options,
                 const BuildStores& stores)
        : goal_(goal),
          profile_(profile),
          options_(options),
          blobs_(stores.blobs),
          recipes_(stores.recipes),
          local_(stores.local),
          kernels_(blobs_, recipes_, options.cancelled),
          packer_(blobs_, recipes_,
                  {profile.compression, options.mtime, options.parallel, options.progress,
                   options.cancelled, stores.compressed}) {}

    Result<BuiltImage> run(FoundPackages packages);

    // These three make one thing alone and leave it in the cache; for a builder that does nothing
    // else. The firmware that the modules ask for; nullopt: the package holds no kernel.
    Result<std::optional<ModuleFirmware>> prepare_kernel(const LocatedPackage& package);
    // False: what is needed of it only the modules tell, and `asked` is not known yet.
    Result<bool> prepare_package(const LocatedPackage& package,
                                 const std::optional<ModuleFirmware>& asked);
    Status prepare_programs();
    // What KernelStore::follow() says.
    Status follow_kernel(const LocatedPackage& package, Arriving& arriving) {
        return kernels_.follow(package, arriving);
    }

    // The same way as far as it goes without a package that is not here.
    Result<ImagePlan> plan();

  private:
    // A lock does not say what is in the cache.
    Status look_for(LocatedPackage& package);

    // Every part in its place. For a plan, a part that would have to be made from a package stays
    // unknown.
    Status collect_parts();

    void stage(std::string_view name) const {
        if (options_.stage) options_.stage(name);
    }

    // Of the packages that were found for the kernel, the one that brings it.
    Status find_kernel();

    Status check_kernel_unpacks();
    Status check_kernel_confines() const;

    // The kernel is older than the image, but its date is the same in every build.
    InitFacts init_facts() const;

    Result<Part> module_part();

    Status add_package(const LocatedPackage& package);
    // A package without some of its files, those that others replace.
    struct PackagePart {
        Part part;
        std::vector<std::string> applets;
        std::vector<std::string> lost;  // warnings
    };
    Result<PackagePart> package_part(const LocatedPackage& package,
                                     const std::set<std::string>& without);
    // nullopt: the cache does not have it.
    Result<std::optional<PackagePart>> recall_package(const LocatedPackage& package,
                                                      const std::set<std::string>& without);
    Result<PackagePart> unpack_package(const LocatedPackage& package,
                                       const std::set<std::string>& without);
    std::string package_key(const LocatedPackage& package, bool firmware,
                            const std::set<std::string>& without) const;
    std::optional<bool> known_to_hold_firmware(const LocatedPackage& package) const;
    // Takes out of packages what others replace. The packages' parts begin at `first`.
    Status settle_replacements(std::size_t first);

    // The images that the machine carries are packages until here.
    void set_images_apart();
    // One part with all of them.
    Status add_images();

    Status add_programs();

    // What a script of Alpine's busybox does.
    Status add_applet_links();

    // Puts all parts together, where conflicts are found; then what programs of the build machine
    // bring along, and the cache of glibc's loader where it is needed; programs that lack libraries
    // are refused.
    Status add_libraries();

    // A part that follows from the others; the sentinel stays in the last one.
    Status add_late(std::string name, const Tree& tree);

    // Looks at all parts together: programs that could not start, firmware. Implied directories of
    // the parts that are made now take the mode and owner that another part states.
    Status check_whole();

    // Not every firmware file that a module names is needed, nor does each exist.
    Status check_firmware();

    // Packs what was made of a package, and notes its licence.
    Status keep(const LocatedPackage& package);
    Status pack();

    // What the manifest says of where everything came from.
    Status note_inputs();
    Status check_kernel_file() const;

    BuildGoal goal_;
    const Profile& profile_;
    const BuildOptions& options_;
    BlobCache& blobs_;
    const RecipeCache& recipes_;
    const LocalFiles& local_;
    KernelStore kernels_;
    SegmentPacker packer_;
    FoundPackages packages_;
    std::vector<LocatedPackage> carried_;  // images that were among the packages
    std::vector<Part> parts_;
    Tree whole_;                        // all of them together
    std::vector<std::string> applets_;  // paths of links to busybox
    bool kernel_known_ = false;
    BuiltImage image_;
};

}  // namespace osiekit::builder
