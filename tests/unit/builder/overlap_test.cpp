#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "builder/cache/fetch.hpp"
#include "builder/image/build.hpp"
#include "builder/image/local_package.hpp"
#include "tests/unit/builder/build_site.hpp"
#include "tests/unit/debian/test_server.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

constexpr std::chrono::seconds patience{120};  // only a broken build lets anybody wait

// What has happened so far, for those who wait for it.
class Happened {
  public:
    void add(const std::string& what) {
        std::lock_guard lock(mutex_);
        all_.insert(what);
        changed_.notify_all();
    }
    bool wait_for(const std::set<std::string>& wanted) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [&] {
            return std::includes(all_.begin(), all_.end(), wanted.begin(), wanted.end());
        });
    }
    void clear() {
        std::lock_guard lock(mutex_);
        all_.clear();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<std::string> all_;
};

// Packages of a mirror on the loopback.
class Mirror final : public PackageSource {
  public:
    explicit Mirror(std::filesystem::path folder)
        : cache(folder / "cache"), folder_(std::move(folder)) {}

    void add(const PackageSpec& spec) {
        std::filesystem::path file = make_deb(folder_, spec);
        server.put("/" + spec.name + ".deb", slurp(file));
    }
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        std::vector<LocatedPackage> located;
        for (const PackageRequest& request : query.packages) {
            OSIEKIT_ASSIGN(LocatedPackage package,
                           local_package(folder_ / (request.name + ".deb")));
            package.system = PackageSystem::debian;
            package.file.clear();
            located.push_back(std::move(package));
        }
        return located;
    }
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        OSIEKIT_ASSIGN(BlobCache blobs, BlobCache::open(cache));
        std::vector<FetchItem> items;
        for (const LocatedPackage& package : packages) {
            FetchItem item;
            item.name = package.name;
            item.url = server.url("/" + package.name + ".deb");
            item.digest = package.digest;
            item.size = package.size;
            items.push_back(std::move(item));
        }
        FetchOptions options;
        options.cancelled = watch.cancelled;
        options.retry.first_pause_ms = 1;
        options.arrived = [&](std::size_t i, const std::filesystem::path& file) {
            LocatedPackage package = packages[i];
            package.file = file;
            return watch.tell(package);
        };
        OSIEKIT_ASSIGN(auto paths, fetch_all(blobs, items, options));
        for (std::size_t i = 0; i < packages.size(); ++i) packages[i].file = paths[i];
        return packages;
    }
    TestServer server;
    std::filesystem::path cache;

  private:
    std::filesystem::path folder_;
};

struct Site {
    TempDir folder = TempDir::create().value();
    Happened happened;  // outlives the mirror, whose connections may wait for it
    std::shared_ptr<Mirror> mirror = std::make_shared<Mirror>(folder.path());
    BuildOptions options;

    Site() {
        mirror->add(kernel_package());
        for (const char* name : {"one", "two", "three"})
            mirror->add(
                {name, "1", {{std::string("usr/share/") + name, std::string(50'000, *name)}}});
        std::filesystem::create_directories(folder / "programs");
        spill(folder / "programs/osie-init", make_program());
        spill(folder / "programs/tink-worker", make_program());
        options.out = folder / "out";
        options.cache = folder / "cache";
        options.programs = folder / "programs";
        options.packages = mirror;
        options.prepared = [this](const LocatedPackage& package) { happened.add(package.name); };
        profile("modules: {load: [low]}\npackages: [one, two, three]\n");
    }
    void profile(const std::string& more) {
        spill(folder / "p.yaml",
              "name: test\narch: amd64\nkernel: {package: linux-image-test}\n" + more);
    }
    // As if nothing had been built before.
    void begin(unsigned threads) {
        options.parallel = threads;
        options.cache = mirror->cache = folder / ("cache" + std::to_string(++begun_));
        happened.clear();
    }
    Result<BuiltImage> build() {
        OSIEKIT_ASSIGN(Profile profile, load_profile(folder / "p.yaml"));
        return build_image(profile, options);
    }
    void withhold(const std::string& name, std::function<void()> until) {
        TestServer::Fault fault;
        fault.before = std::move(until);
        mirror->server.fail("/" + name + ".deb", fault);
    }

  private:
    int begun_ = 0;
};

}  // namespace

TEST_CASE("packages are unpacked and compressed while another one is still on its way") {
    Site site;
    std::string together;
    for (const char* withheld : {"", "one", "two", "three"}) {
        std::set<std::string> others{"linux-image-test", "one", "two", "three"};
        others.erase(withheld);
        // With one thread for it, and with several.
        for (unsigned threads : {1U, 4U}) {
            INFO(withheld << " " << threads);
            site.begin(threads);
            bool in_time = true;
            if (*withheld != '\0')
                site.withhold(withheld, [&] { in_time = site.happened.wait_for(others); });
            auto image = site.build();
            if (!image) FAIL(image.error().to_string());
            CHECK(in_time);
            for (const Segment& segment : image->segments) CHECK_FALSE(segment.from_cache);
            Sha256 bytes = Sha256::of(slurp(site.options.out / "initramfs") +
                                      slurp(site.options.out / "manifest.json"));
            if (together.empty()) together = bytes.hex();
            CHECK(bytes.hex() == together);
        }
    }
}

TEST_CASE("what a package brings of firmware waits for the modules, and nothing else does") {
    Site site;
    site.mirror->add({"firm",
                      "1",
                      {{"lib/firmware/top/fw.bin", "asked for"},
                       {"lib/firmware/top/other.bin", std::string(50'000, 'x')}}});
    site.profile("modules: {load: [top]}\nfirmware: needed\npackages: [one, two, three, firm]\n");
    for (const auto& [withheld, others] : std::map<std::string, std::set<std::string>>{
             {"linux-image-test", {"one", "two", "three"}},
             {"three", {"linux-image-test", "one", "two", "firm"}},
             {"firm", {"linux-image-test", "one", "two", "three"}}}) {
        for (unsigned threads : {1U, 4U}) {
            INFO(withheld << " " << threads);
            site.begin(threads);
            bool in_time = false;
            site.withhold(withheld,
                          [&, wanted = others] { in_time = site.happened.wait_for(wanted); });
            auto image = site.build();
            if (!image) FAIL(image.error().to_string());
            CHECK(in_time);
            CHECK(site.happened.wait_for({"linux-image-test", "one", "two", "three", "firm"}));
            auto inspection = inspect_initramfs(slurp(site.options.out / "initramfs"));
            REQUIRE(inspection);
            CHECK(find(*inspection, "lib/firmware/top/fw.bin") != nullptr);
            CHECK(find(*inspection, "lib/firmware/top/other.bin") == nullptr);
        }
    }
}

TEST_CASE("a package that cannot be unpacked ends the fetch of the others") {
    std::atomic<bool> in_time{true};
    Site site;
    spill(site.folder / "two.deb", "no package at all");
    site.mirror->server.put("/two.deb", "no package at all");
    site.withhold("three", [&] {
        // The connection of "three" stays silent; only the failure of "two" ends the waiting.
        if (!site.happened.wait_for({"ended"})) in_time = false;
    });
    auto image = site.build();
    CHECK(in_time);
    site.happened.add("ended");
    REQUIRE_FALSE(image);
    CHECK(image.error().to_string().find("two") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(site.options.out / "initramfs"));
}

TEST_CASE("an interrupted build ends what goes on in the background") {
    std::atomic<bool> in_time{true};
    std::atomic<bool> interrupted{false};
    Site site;
    site.options.cancelled = [&] { return interrupted.load(); };
    site.options.prepared = [&](const LocatedPackage&) { interrupted = true; };
    site.withhold("three", [&] {
        if (!site.happened.wait_for({"ended"})) in_time = false;
    });
    auto image = site.build();
    CHECK(in_time);
    site.happened.add("ended");
    REQUIRE_FALSE(image);
    CHECK(image.error().kind() == ErrorKind::cancelled);
    CHECK_FALSE(std::filesystem::exists(site.options.out));
}
