#include "builder/cache/collect.hpp"

#include <sys/file.h>

#include "builder/cache/record.hpp"
#include "tests/unit/cache/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

constexpr std::int64_t day = 86400;
constexpr std::int64_t now = 1'800'000'000;

CacheEntry entry(const std::string& name, std::uint64_t size, std::int64_t last_use) {
    CacheEntry made;
    made.name = name;
    made.size = size;
    made.last_use.tv_sec = last_use;
    return made;
}

std::vector<std::string> chosen(const std::vector<CacheEntry>& entries,
                                const CollectPolicy& policy) {
    std::vector<std::string> names;
    for (const CacheEntry& removal : choose_removals(entries, policy))
        names.push_back(removal.name);
    return names;
}

using Names = std::vector<std::string>;

CollectPolicy everything() {
    CollectPolicy policy;
    policy.keep_days = 0;
    policy.now.tv_sec = now * 2;
    return policy;
}

Collected collect(const CacheFolder& folder, const CollectPolicy& policy, bool dry_run = false) {
    auto collected = collect_cache(folder.path, policy, dry_run, {});
    if (!collected) FAIL(collected.error().to_string());
    return *std::move(collected);
}

Verified verify(const CacheFolder& folder, bool dry_run) {
    auto verified = verify_cache(folder.path, dry_run, {}, {});
    if (!verified) FAIL(verified.error().to_string());
    return *std::move(verified);
}

}  // namespace

TEST_CASE("what was not used for long enough goes") {
    CollectPolicy policy;
    policy.now.tv_sec = now;
    std::vector<CacheEntry> entries = {
        entry("just kept", 1, now - 30 * day + 1), entry("just old", 1, now - 30 * day),
        entry("of the future", 1, now + day), entry("older", 1, now - 300 * day)};
    CHECK(chosen(entries, policy) == Names{"older", "just old"});
    entries[3].in_use = true;
    CHECK(chosen(entries, policy) == Names{"just old"});
    policy.keep_days = 0;
    CHECK(chosen(entries, policy) == Names{"just old", "just kept", "of the future"});
}

TEST_CASE("a cache that is too large loses the least recently used") {
    CollectPolicy policy;
    policy.now.tv_sec = now;
    std::vector<CacheEntry> entries = {entry("b", 20, now - 2), entry("a", 10, now - 3),
                                       entry("c", 30, now - 1)};
    policy.max_size = 60;
    CHECK(chosen(entries, policy).empty());
    policy.max_size = 59;
    CHECK(chosen(entries, policy) == Names{"a"});
    policy.max_size = 49;
    CHECK(chosen(entries, policy) == Names{"a", "b"});
    policy.max_size = 0;
    entries[0].in_use = true;
    CHECK(chosen(entries, policy) == Names{"a", "c"});
    // What is too old goes first and counts.
    entries[0].in_use = false;
    entries[1].last_use.tv_sec = now - 40 * day;
    policy.max_size = 50;
    CHECK(chosen(entries, policy) == Names{"a"});
}

TEST_CASE("a cache is listed with what its entries are") {
    CacheFolder folder;
    Sha256 tool = folder.put("a package", {"package", "tool 1.0"});
    folder.put("x");
    REQUIRE(write_checked(folder.path / "recipes/abc", "recipe"));
    REQUIRE(write_file(folder.path / partial_folder / tool.hex(), "a p"));
    REQUIRE(write_file(folder.path / "modules.partial.Ab3xYz", "left"));
    set_time(folder.stamp(tool), 1000);
    auto entries = list_cache(folder.path).value();
    REQUIRE(entries.size() == 4);
    CHECK(entries[0].kind == "blob");
    CHECK(entries[1].kind == "package");
    CHECK(entries[1].name == "tool 1.0");
    CHECK(entries[1].digest == tool);
    CHECK(entries[1].size == 9);
    CHECK(entries[1].last_use.tv_sec == 1000);
    CHECK_FALSE(entries[1].in_use);
    CHECK(entries[2].kind == "recipe");
    CHECK(entries[3].kind == "download");
    CHECK(entries[3].digest == tool);
    CHECK(list_cache(folder.directory / "none").error().kind() == ErrorKind::not_found);
}

TEST_CASE("using an entry is noted") {
    CacheFolder folder;
    Sha256 digest = folder.put("hello");
    set_time(folder.stamp(digest), 1000);
    REQUIRE(write_checked(folder.path / "recipes/abc", "recipe"));
    set_time(folder.path / "recipes/abc", 1000);
    REQUIRE(folder.open().find(digest).value());
    REQUIRE(read_checked(folder.path / "recipes/abc"));
    auto entries = list_cache(folder.path).value();
    for (const CacheEntry& listed : entries) CHECK(listed.last_use.tv_sec > 1000);
}

TEST_CASE("nothing that a build uses is collected, the rest is") {
    CacheFolder folder;
    Sha256 used = folder.put("used", {"package", "used"});
    Sha256 idle = folder.put("idle", {"package", "idle"});
    set_time(folder.stamp(used), 1000);
    set_time(folder.stamp(idle), 1000);
    REQUIRE(write_checked(folder.path / "recipes/old", "recipe"));
    set_time(folder.path / "recipes/old", 1000);
    {
        BlobCache build = folder.open();
        REQUIRE(build.find(used).value());
        set_time(folder.stamp(used), 1000);  // only the lease says it
        REQUIRE(write_checked(folder.path / "recipes/new", "recipe"));
        Collected dry = collect(folder, everything(), true);
        CHECK(dry.removed.size() == 2);
        CHECK(folder.has(idle));
        Collected done = collect(folder, everything());
        CHECK(done.removed.size() == 2);
        CHECK(done.freed == dry.freed);
        CHECK(done.kept_entries == 2);
        CHECK(folder.has(used));
        CHECK_FALSE(folder.has(idle));
        CHECK_FALSE(fs::exists(folder.stamp(idle)));
        CHECK(fs::exists(folder.path / "recipes/new"));
        CHECK_FALSE(fs::exists(folder.path / "recipes/old"));
    }
    CHECK(collect(folder, everything()).removed.size() == 2);
    CHECK_FALSE(folder.has(used));
    CHECK(collect(folder, everything()).removed.empty());
}

TEST_CASE("a begun download goes like the rest, unless somebody is at it") {
    CacheFolder folder;
    fs::path file = folder.open().partial_path(Sha256::of("x"));
    REQUIRE(write_file(file, "begun"));
    set_time(file, 1000);
    {
        Fd fd = open_file(file, O_RDWR).value();
        REQUIRE(::flock(fd.get(), LOCK_EX) == 0);
        CHECK(collect(folder, everything()).removed.empty());
    }
    CHECK(collect(folder, everything()).freed == 5);
    CHECK_FALSE(fs::exists(file));
}

TEST_CASE("left-overs are freed and told of") {
    CacheFolder folder;
    folder.put("hello");
    fs::create_directories(folder.path / "recipes");
    for (const char* name : {"modules.partial.Ab3xYz", "recipes/x.partial.000000"})
        REQUIRE(write_file(folder.path / name, "12345"));
    CollectPolicy policy;
    policy.now.tv_sec = now;
    policy.keep_days = 100'000;
    Collected dry = collect(folder, policy, true);
    CHECK(dry.left_overs.size() == 2);
    CHECK(fs::exists(folder.path / "modules.partial.Ab3xYz"));
    Collected done = collect(folder, policy);
    CHECK(done.left_overs.size() == 2);
    CHECK(done.freed == 10);
    CHECK(done.kept_entries == 1);
    CHECK(done.kept == 5);
    CHECK_FALSE(fs::exists(folder.path / "modules.partial.Ab3xYz"));
}

TEST_CASE("verify finds every kind of damage, whatever the stamps say") {
    CacheFolder folder;
    Sha256 good = folder.put("good");
    Sha256 flipped = folder.put("flipped");
    Sha256 cut = folder.put("cut short");
    Sha256 folder_instead = folder.put("folder");
    REQUIRE(write_checked(folder.path / "recipes/good", "recipe"));
    REQUIRE(write_checked(folder.path / "resolved/bad", "choices"));
    REQUIRE(write_file(folder.path / blob_folder / "no-digest", "x"));
    REQUIRE(write_file(folder.path / partial_folder / good.hex(), "not yet"));
    CHECK(verify(folder, true).damaged.size() == 1);
    damage(folder.blob(flipped), "flopped");
    damage(folder.blob(cut), "cut");
    damage(folder.path / "resolved/bad", "choices");
    fs::remove(folder.blob(folder_instead));
    fs::create_directories(folder.blob(folder_instead) / "deep");
    Verified dry = verify(folder, true);
    CHECK(dry.damaged.size() == 5);
    CHECK(dry.entries == 7);
    CHECK(folder.has(flipped));
    Verified done = verify(folder, false);
    CHECK(done.damaged.size() == 5);
    CHECK(folder.has(good));
    for (const Sha256& digest : {flipped, cut, folder_instead}) {
        CHECK_FALSE(folder.has(digest));
        CHECK_FALSE(fs::exists(folder.stamp(digest)));
    }
    CHECK_FALSE(fs::exists(folder.path / "resolved/bad"));
    CHECK(fs::exists(folder.path / partial_folder / good.hex()));
    Verified again = verify(folder, false);
    CHECK(again.damaged.empty());
    CHECK(again.entries == 2);
}

TEST_CASE("cancelling stops both at the next entry") {
    CacheFolder folder;
    Sha256 digest = folder.put("hello");
    auto stop = [] { return true; };
    CHECK(verify_cache(folder.path, false, {}, stop).error().kind() == ErrorKind::cancelled);
    CHECK(collect_cache(folder.path, everything(), false, stop).error().kind() ==
          ErrorKind::cancelled);
    CHECK(folder.has(digest));
}
