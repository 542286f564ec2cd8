#include "builder/image/build.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "builder/cache/crew.hpp"
#include "builder/image/find_packages.hpp"
#include "builder/image/image_builder.hpp"
#include "builder/image/plan.hpp"

namespace osiekit::builder {

namespace {

// Makes what follows from one package alone while others are on their way. It goes through the
// cache, where the build finds it afterwards: its result is the same with and without.
class Preparer {
  public:
    Preparer(const Profile& profile, const BuildOptions& options, const BuildStores& stores)
        : profile_(profile),
          told_(options.prepared),
          stores_(stores),
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
        watch.kernel.begins = [this](const LocatedPackage& package,
                                     const std::shared_ptr<Arriving>& arriving) {
            follow(package, arriving);
        };
        watch.kernel.arrived = arrival(true);
        watch.image.arrived = arrival(false);
        watch.kernel.cancelled = watch.image.cancelled = options_.cancelled;
        auto found = find_packages(profile_, *options_.packages, true, watch);
        bool failed_first = !found && !crew_.stopping();
        if (failed_first) crew_.stop();
        if (follower_.joinable()) follower_.join();
        if (failed_first) return found;
        OSIEKIT_TRY(crew_.finish());
        return found;
    }

  private:
    static constexpr std::uint64_t mebi = 1U << 20U;
    static constexpr std::uint64_t preparing_memory = 192 * mebi;
    static constexpr std::uint64_t kernel_memory = 128 * mebi;
    static constexpr std::uint64_t small_memory = 32 * mebi;
    // A smaller one is unpacked in no time once it is here.
    static constexpr std::uint64_t worth_following = 4 * mebi;
    // Of unpacked to packed, where only the package's own size is known, as in a lock.
    static constexpr std::uint64_t usual_ratio = 4;

    ImageBuilder builder() { return {BuildGoal::image, profile_, options_, stores_}; }

    std::function<Status(const LocatedPackage&)> arrival(bool kernel) {
        return [this, kernel](const LocatedPackage& package) -> Status {
            // What happened is what finish() says.
            if (crew_.stopping()) return Error(ErrorKind::cancelled, "interrupted");
            if (!first_time(package, kernel)) return {};
            // All images become one part, by the end.
            if (package.system == PackageSystem::oci) {
                if (told_) told_(package);
                return {};
            }
            if (!kernel)
                add(package);
            else if (!left_to_follower(package))
                add_kernel(package);
            return {};
        };
    }

    // Takes the kernel apart while it comes. Whatever becomes of that, prepare_kernel() comes after
    // it and does what it could not do.
    void follow(const LocatedPackage& package, const std::shared_ptr<Arriving>& arriving) {
        std::lock_guard lock(mutex_);
        if (package.size < worth_following || follower_.joinable()) return;
        followed_ = package.digest;
        crew_.take(kernel_memory);
        follower_ = std::thread([this, package, arriving] {
            Status ignored = builder().follow_kernel(package, *arriving);
            crew_.give_back(kernel_memory);
            std::optional<LocatedPackage> arrived;
            {
                std::lock_guard ended(mutex_);
                followed_.reset();
                arrived.swap(arrived_);
            }
            if (arrived) add_kernel(*arrived);
        });
    }

    bool left_to_follower(const LocatedPackage& package) {
        std::lock_guard lock(mutex_);
        if (followed_ != package.digest) return false;
        arrived_ = package;
        return true;
    }

    void add_kernel(const LocatedPackage& package) {
        crew_.add(kernel_memory, [this, package] { return prepare_kernel(package); });
    }

    void add(const LocatedPackage& package) {
        // A package's files are in memory until they are compressed.
        std::uint64_t unpacked = std::max(package.installed_size, usual_ratio * package.size);
        crew_.add(small_memory + 2 * unpacked, [this, package] { return prepare(package); });
    }

    Status prepare_kernel(const LocatedPackage& package) {
        OSIEKIT_ASSIGN(auto asked, builder().prepare_kernel(package));
        if (told_) told_(package);
        if (!asked) return {};
        std::vector<LocatedPackage> waiting;
        {
            std::lock_guard lock(mutex_);
            asked_ = *std::move(asked);
            waiting.swap(waiting_);
        }
        for (const LocatedPackage& one : waiting) add(one);
        return {};
    }

    Status prepare(const LocatedPackage& package) {
        std::optional<ModuleFirmware> asked;
        {
            std::lock_guard lock(mutex_);
            asked = asked_;
        }
        OSIEKIT_ASSIGN(bool done, builder().prepare_package(package, asked));
        if (done) {
            if (told_) told_(package);
            return {};
        }
        std::unique_lock lock(mutex_);
        if (!asked_) {
            waiting_.push_back(package);
            return {};
        }
        lock.unlock();
        add(package);  // the modules became known meanwhile
        return {};
    }

    bool first_time(const LocatedPackage& package, bool kernel) {
        std::lock_guard lock(mutex_);
        return seen_.emplace(package.digest, kernel).second;
    }

    const Profile& profile_;
    const std::function<void(const LocatedPackage&)>& told_;
    const BuildStores& stores_;
    BuildOptions options_;
    std::mutex mutex_;
    std::set<std::pair<Sha256, bool>> seen_;
    std::optional<ModuleFirmware> asked_;  // by the modules; nullopt: not known yet
    std::vector<LocatedPackage> waiting_;  // for that
    std::thread follower_;
    std::optional<Sha256> followed_;         // the package that the thread is at
    std::optional<LocatedPackage> arrived_;  // meanwhile
    Crew crew_;                              // the last one, as its jobs use the others
};

std::shared_ptr<const LocalFiles> local_files(const BuildOptions& options) {
    return options.local ? options.local : std::make_shared<LocalFiles>();
}

}  // namespace

Result<BuiltImage> build_image(const Profile& profile, const BuildOptions& options) {
    OSIEKIT_ASSIGN(BlobCache blobs, BlobCache::open(options.cache));
    OSIEKIT_ASSIGN(RecipeCache recipes, RecipeCache::open(options.cache));
    auto local = local_files(options);
    BuildStores stores{blobs, recipes, *local};
    if (options.stage) options.stage("finding packages");
    Preparer preparer(profile, options, stores);
    OSIEKIT_ASSIGN(FoundPackages packages, preparer.find());
    ImageBuilder builder(BuildGoal::image, profile, options, stores);
    return builder.run(std::move(packages));
}

Result<ImagePlan> plan_image(const Profile& profile, const BuildOptions& options) {
    OSIEKIT_ASSIGN(BlobCache blobs, BlobCache::open(options.cache));
    OSIEKIT_ASSIGN(RecipeCache recipes, RecipeCache::open(options.cache));
    auto local = local_files(options);
    ImageBuilder builder(BuildGoal::plan, profile, options, {blobs, recipes, *local});
    return builder.plan();
}

}  // namespace osiekit::builder
