// A kernel package that is taken apart while it is still on its way.
#include <fcntl.h>

#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "builder/image/local_package.hpp"
#include "builder/kernel/kernel_store.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// A package of some megabytes, of which a part is here.
struct Coming {
    TempDir folder = TempDir::create().value();
    LocatedPackage package;
    std::string bytes;
    BlobCache blobs = BlobCache::open(folder / "cache").value();
    RecipeCache recipes = RecipeCache::open(folder / "cache").value();
    std::shared_ptr<Arriving> arriving;
    Fd file;

    Coming() {
        PackageSpec spec = kernel_package();
        std::minstd_rand random(1);
        std::string noise(3U << 20U, '\0');
        for (char& c : noise) c = static_cast<char>(random() >> 16U);
        spec.files.emplace_back("lib/modules/6.1-test/kernel/net/zz.ko",
                                make_module("zz", {"depends="}) + noise);
        auto deb = make_deb(folder.path(), spec);
        package = local_package(deb).value();
        package.system = PackageSystem::debian;
        package.file.clear();
        bytes = slurp(deb);
        file = open_file(folder / "part", O_RDWR | O_CREAT).value();
        arriving = std::make_shared<Arriving>(bytes.size());
    }
    std::size_t half() const { return bytes.size() / 2; }
    // The first half is written and told of.
    void come_half() {
        REQUIRE(write_all(file.get(), std::string_view(bytes).substr(0, half())));
        arriving->begin(file, half());
    }
    // The rest follows. What has been told of is never changed.
    void come_whole() {
        REQUIRE(write_all(file.get(), std::string_view(bytes).substr(half())));
        arriving->grow(bytes.size());
    }
    bool cache_is_empty() const {
        for (const char* kept : {"blobs/sha256", "recipes"})
            if (!std::filesystem::is_empty(folder / "cache" / kept)) return false;
        return true;
    }
};

// Who takes the kernel apart; tells of each file that he has come to.
class Follower {
  public:
    explicit Follower(Coming& coming)
        : store_(coming.blobs, coming.recipes,
                 [this] {
                     std::lock_guard lock(mutex_);
                     ++files_;
                     changed_.notify_all();
                     return false;
                 }),
          arriving_(coming.arriving),
          thread_([this, &coming] { run(coming); }) {}
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    // After a failed check: nothing more comes.
    ~Follower() {
        if (!thread_.joinable()) return;
        arriving_->end(Error(ErrorKind::cancelled, "the test has failed"));
        thread_.join();
    }
    void wait_for_files(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return files_ >= count || over_; });
        REQUIRE(files_ >= count);
    }
    Status end() {
        thread_.join();
        return done_;
    }
    KernelStore& store() { return store_; }

  private:
    void run(Coming& coming) {
        done_ = store_.follow(coming.package, *coming.arriving);
        std::lock_guard lock(mutex_);
        over_ = true;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    int files_ = 0;
    bool over_ = false;
    Status done_;
    KernelStore store_;
    std::shared_ptr<Arriving> arriving_;
    std::thread thread_;
};

}  // namespace

TEST_CASE("a kernel is taken apart while it comes, and kept once it is known to be right") {
    Coming coming;
    Follower follower(coming);
    coming.come_half();
    // The large module is the last; all before it is unpacked with half of the package.
    follower.wait_for_files(7);
    CHECK(coming.cache_is_empty());
    coming.come_whole();
    follower.wait_for_files(8);
    CHECK(coming.cache_is_empty());
    coming.arriving->end({});
    Status done = follower.end();
    if (!done) FAIL(done.error().to_string());
    auto known = follower.store().recall(coming.package);
    REQUIRE(known);
    REQUIRE(*known);
    REQUIRE(**known);
    CHECK((**known)->version == "6.1-test");
    // The package's file is not needed any more.
    auto index = follower.store().index(coming.package);
    REQUIRE(index);
    CHECK(index->find("zz") != nullptr);
}

TEST_CASE("of a kernel that does not come as it should nothing is kept") {
    Coming coming;
    Follower follower(coming);
    coming.come_half();
    follower.wait_for_files(7);
    SECTION("it is another than it should be") {
        coming.come_whole();
        follower.wait_for_files(8);
        coming.arriving->end(Error(ErrorKind::digest, "wrong content"));
        Status done = follower.end();
        REQUIRE_FALSE(done);
        CHECK(done.error().kind() == ErrorKind::digest);
    }
    SECTION("it breaks off") {
        coming.arriving->end(Error(ErrorKind::network, "broken off"));
        Status done = follower.end();
        REQUIRE_FALSE(done);
        CHECK(done.error().to_string().find("the download ended before all of it was here") !=
              std::string::npos);
    }
    SECTION("it is begun anew") {
        coming.arriving->begin(coming.file, 0);
        coming.come_whole();
        coming.arriving->end({});
        Status done = follower.end();
        REQUIRE_FALSE(done);
        CHECK(done.error().kind() == ErrorKind::cancelled);
    }
    SECTION("it is no package from the middle on") {
        // Within the compressed data, whose checksum then is another.
        coming.bytes.replace(coming.half(), 4096, std::string(4096, 'x'));
        coming.come_whole();
        Status done = follower.end();
        coming.arriving->end({});
        REQUIRE_FALSE(done);
        CHECK(done.error().kind() == ErrorKind::invalid_input);
    }
    CHECK(coming.cache_is_empty());
    auto known = follower.store().recall(coming.package);
    REQUIRE(known);
    CHECK_FALSE(*known);
    for (const auto& entry : std::filesystem::directory_iterator(coming.folder / "cache"))
        CHECK(entry.path().filename().string().find(".partial.") == std::string::npos);
}

TEST_CASE("a download that goes on where it broke off is followed through") {
    Coming coming;
    Follower follower(coming);
    coming.come_half();
    follower.wait_for_files(7);
    // Another attempt opens the file once more.
    Fd again = open_file(coming.folder / "part", O_RDWR).value();
    coming.arriving->begin(again, coming.half());
    REQUIRE(::lseek(again.get(), 0, SEEK_END) == static_cast<off_t>(coming.half()));
    REQUIRE(write_all(again.get(), std::string_view(coming.bytes).substr(coming.half())));
    coming.arriving->grow(coming.bytes.size());
    coming.arriving->end({});
    CHECK(follower.end());
    CHECK(follower.store().recall(coming.package).value().has_value());
}
