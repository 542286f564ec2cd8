#include "builder/cache/lease.hpp"

#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <thread>

#include "builder/cache/entry.hpp"
#include "builder/cache/record.hpp"
#include "tests/unit/cache/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

LiveLeases now_live(const fs::path& cache) {
    auto lock = CacheLock::take(cache, CacheLock::Mode::shared);
    REQUIRE(lock);
    return live_leases(cache).value();
}

std::size_t lease_files(const fs::path& cache) {
    auto begin = fs::directory_iterator(cache / lease_folder);
    return static_cast<std::size_t>(std::distance(begin, fs::directory_iterator()));
}

// A build that is killed in the middle of writing.
void leave_killed_build(const fs::path& cache, const std::string& content) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        auto blobs = BlobCache::open(cache);
        bool good = blobs && blobs->put(content, Sha256::of(content)) &&
                    write_file(cache / "modules.partial.Ab3xYz", "half a file");
        char byte = good ? 'y' : 'n';
        if (::write(ready[1], &byte, 1) == 1) ::pause();
        ::_exit(1);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    REQUIRE(byte == 'y');
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    ::close(ready[0]);
    ::close(ready[1]);
}

}  // namespace

TEST_CASE("a lease names what its process uses, and goes with it") {
    CacheFolder folder;
    Sha256 digest = Sha256::of("hello");
    {
        BlobCache one = folder.open();
        BlobCache other = folder.open();
        REQUIRE(one.put("hello", digest));
        LiveLeases live = now_live(folder.path);
        CHECK(live.count == 2);
        CHECK(live.digests == std::set<Sha256>{digest});
        REQUIRE(other.find(Sha256::of("absent")));
        CHECK(now_live(folder.path).digests.size() == 2);
    }
    CHECK(now_live(folder.path).count == 0);
    CHECK(lease_files(folder.path) == 0);
}

TEST_CASE("a lease protects what was used since it began") {
    LiveLeases live;
    live.since = {100, 5};
    CHECK_FALSE(live.may_use({200, 0}));  // there is none
    live.count = 1;
    CHECK(live.may_use({100, 5}));
    CHECK_FALSE(live.may_use({100, 4}));
    CHECK_FALSE(live.may_use({99, 9}));
    CHECK(live.may_use({101, 0}));
}

TEST_CASE("what a killed build left is swept up by the next") {
    CacheFolder folder;
    fs::create_directories(folder.path);
    leave_killed_build(folder.path, "hello");
    CHECK(lease_files(folder.path) == 1);
    CHECK(now_live(folder.path).count == 0);
    REQUIRE(write_file(folder.path / "modules.partial.file", "no name of ours"));
    // A download is continued, not thrown away.
    fs::path download = folder.open().partial_path(Sha256::of("later"));
    REQUIRE(write_file(download, "begun"));
    CHECK_FALSE(fs::exists(folder.path / "modules.partial.Ab3xYz"));
    CHECK(fs::exists(folder.path / "modules.partial.file"));
    BlobCache next = folder.open();
    CHECK(lease_files(folder.path) == 1);
    CHECK(next.find(Sha256::of("hello")).value());
    CHECK(fs::exists(download));
}

TEST_CASE("what a build at work is writing is not swept up") {
    CacheFolder folder;
    fs::create_directories(folder.path);
    leave_killed_build(folder.path, "hello");
    fs::rename(folder.path / "modules.partial.Ab3xYz", folder.directory / "aside");
    BlobCache working = folder.open();
    PendingFile file = PendingFile::create(folder.path / "modules").value();
    leave_killed_build(folder.path, "hello");
    BlobCache next = folder.open();
    CHECK(fs::exists(file.temporary()));
    // Written after the other build began: nobody can tell whose it is.
    CHECK(fs::exists(folder.path / "modules.partial.Ab3xYz"));
    auto lock = CacheLock::take(folder.path, CacheLock::Mode::exclusive);
    set_time(folder.path / "modules.partial.Ab3xYz", 1000);
    auto left = sweep_left_overs(folder.path, false).value();
    REQUIRE(left.size() == 1);
    CHECK(left[0].file == folder.path / "modules.partial.Ab3xYz");
    CHECK(left[0].size == 11);
    CHECK(fs::exists(left[0].file));
    REQUIRE(sweep_left_overs(folder.path, true));
    CHECK_FALSE(fs::exists(left[0].file));
}

TEST_CASE("a lease that was cut short is read as far as it goes") {
    CacheFolder folder;
    BlobCache keeps = folder.open();
    Sha256 digest = Sha256::of("x");
    fs::path file = folder.path / lease_folder / "broken";
    REQUIRE(write_file(file, "12 x\n" + digest.hex() + "\n" + digest.hex().substr(0, 9)));
    Fd fd = open_file(file, O_RDWR).value();
    REQUIRE(::flock(fd.get(), LOCK_EX) == 0);
    LiveLeases live = now_live(folder.path);
    CHECK(live.count == 2);
    CHECK(live.digests == std::set<Sha256>{digest});
}

TEST_CASE("who finds an entry damaged does not remove the good one that took its place") {
    CacheFolder folder;
    Sha256 digest = folder.put("hello");
    damage(folder.blob(digest), "HELLO");
    // Two builds look at the damaged file; the other is quicker and makes it again.
    Fd seen = open_file(folder.blob(digest), O_RDONLY).value();
    BlobCache other = folder.open();
    REQUIRE_FALSE(other.find(digest).value());
    REQUIRE(other.put("hello", digest));
    REQUIRE(remove_damaged(folder.path, folder.blob(digest), folder.stamp(digest), seen));
    REQUIRE(folder.has(digest));
    CHECK(fs::exists(folder.stamp(digest)));
    CHECK(read_file(other.find(digest).value().value()).value() == "hello");
    // The one that still is there goes.
    damage(folder.blob(digest), "HELLO");
    seen = open_file(folder.blob(digest), O_RDONLY).value();
    REQUIRE(remove_damaged(folder.path, folder.blob(digest), folder.stamp(digest), seen));
    CHECK_FALSE(folder.has(digest));
    CHECK_FALSE(fs::exists(folder.stamp(digest)));
}

TEST_CASE("builds that mend the same entry at once all get the right bytes") {
    CacheFolder folder;
    Sha256 digest = folder.put("hello");
    constexpr int rounds = 20;
    for (int round = 0; round < rounds; ++round) {
        damage(folder.blob(digest), "HELLO");
        std::array<bool, 3> good{};
        std::vector<std::thread> builds;
        for (bool& result : good)
            builds.emplace_back([&] {
                auto cache = BlobCache::open(folder.path);
                if (!cache) return;
                auto found = cache->find(digest);
                if (!found) return;
                if (!*found && !cache->put("hello", digest)) return;
                // Nobody may take it away again.
                auto text = read_file(folder.blob(digest));
                result = text && *text == "hello";
            });
        for (std::thread& build : builds) build.join();
        CHECK(good == std::array<bool, 3>{true, true, true});
        CHECK(folder.has(digest));
    }
}

TEST_CASE("something else under the name of an entry is no entry") {
    CacheFolder folder;
    Sha256 digest = folder.put("hello");
    fs::remove(folder.blob(digest));
    SECTION("a directory") {
        fs::create_directories(folder.blob(digest) / "deep");
    }
    SECTION("a link to good bytes, which may change without notice") {
        REQUIRE(write_file(folder.directory / "aside", "hello"));
        fs::create_symlink(folder.directory / "aside", folder.blob(digest));
    }
    SECTION("a pipe") {
        REQUIRE(::mkfifo(folder.blob(digest).c_str(), 0600) == 0);
    }
    BlobCache cache = folder.open();
    CHECK_FALSE(cache.find(digest).value());
    REQUIRE(cache.put("hello", digest));
    CHECK(fs::is_regular_file(fs::symlink_status(folder.blob(digest))));
}

TEST_CASE("a stamp keeps what the entry is, whoever verifies it later") {
    CacheFolder folder;
    Sha256 digest = folder.put("hello", {"package", "tool 1.0\nx"});
    CHECK(read_stamp(folder.stamp(digest)).note.name == "tool 1.0\\x0ax");
    set_time(folder.blob(digest), 1000);
    REQUIRE(folder.open().find(digest).value());
    CHECK(read_stamp(folder.stamp(digest)).note.kind == "package");
    // One of an older version, without that.
    Stamp stamp = read_stamp(folder.stamp(digest));
    REQUIRE(write_file(folder.stamp(digest), stamp.stamp + "\n"));
    REQUIRE(folder.open().find(digest).value());
    CHECK(read_stamp(folder.stamp(digest)).note.kind.empty());
}

TEST_CASE("a record with another byte in it is absent") {
    CacheFolder folder;
    fs::path file = folder.directory / "deep/record";
    REQUIRE(write_checked(file, "text\n"));
    CHECK(read_checked(file).value() == "text\n");
    std::string content = read_file(file).value();
    for (std::size_t i = 0; i < content.size(); ++i) {
        std::string flipped = content;
        flipped[i] = static_cast<char>(flipped[i] ^ 1);
        CHECK_FALSE(is_checked(flipped));
    }
    REQUIRE(write_file(file, content.substr(0, content.size() - 1)));
    CHECK(read_checked(file).error().kind() == ErrorKind::not_found);
    REQUIRE(write_file(file, ""));
    CHECK_FALSE(read_checked(file));
}
