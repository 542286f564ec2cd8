#include <nlohmann/json.hpp>

#include "builder/cache/record.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/cache/support.hpp"

// "osiekit cache" as users run it.

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

CommandOutput cache_command(const CacheFolder& folder, std::vector<std::string> words) {
    std::vector<std::string> command = {std::string(OSIEKIT_BIN_DIR) + "/osiekit", "cache"};
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {"--cache", folder.path.string()});
    auto output = run_command(command);
    REQUIRE(output);
    return *output;
}

bool has(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("cache ls, for people and for programs") {
    CacheFolder folder;
    auto none = cache_command(folder, {"ls"});
    CHECK(none.exit_code == 1);
    has(none.err, "there is no cache in");
    Sha256 digest = folder.put("hello", {"package", "tool 1.0"});
    set_time(folder.stamp(digest), 1'700'000'000);
    REQUIRE(write_checked(folder.path / "recipes/abc", "recipe"));
    auto listed = cache_command(folder, {"ls"});
    REQUIRE(listed.exit_code == 0);
    has(listed.out, "package");
    has(listed.out, "2023-11-14 22:13  " + digest.hex().substr(0, 12) + "  tool 1.0\n");
    has(listed.out, "1 record\n");
    has(listed.out, "2 entries, 76 B in ");
    has(cache_command(folder, {"ls", "--all"}).out, "  abc\n");
    auto json = nlohmann::json::parse(cache_command(folder, {"ls", "--json"}).out);
    CHECK(json["total_size"] == 76);
    REQUIRE(json["entries"].size() == 2);
    CHECK(json["entries"][0]["digest"] == digest.oci());
    CHECK(json["entries"][0]["last_use"] == "2023-11-14T22:13:20Z");
    CHECK(json["entries"][1]["digest"].is_null());
}

TEST_CASE("cache gc says what it frees") {
    CacheFolder folder;
    Sha256 old = folder.put("old", {"segment", "modules"});
    Sha256 young = folder.put("young");
    set_time(folder.stamp(old), 1'700'000'000);
    REQUIRE(write_file(folder.path / "modules.partial.Ab3xYz", "left"));
    auto dry = cache_command(folder, {"gc", "--dry-run"});
    CHECK(dry.exit_code == 0);
    has(dry.out, "would remove 2 files, 7 B; would keep 1 entry, 5 B\n");
    CHECK(folder.has(old));
    auto done = cache_command(folder, {"gc", "--json"});
    auto json = nlohmann::json::parse(done.out);
    CHECK(json["freed"] == 7);
    CHECK(json["removed"][0]["name"] == "modules");
    CHECK(json["left_overs"].size() == 1);
    CHECK_FALSE(folder.has(old));
    CHECK(cache_command(folder, {"gc", "--max-size", "1KiB", "--quiet"}).out.empty());
    CHECK(folder.has(young));
    has(cache_command(folder, {"gc", "--max-size", "4"}).out,
        "removed 1 file, 5 B; kept 0 entries");
    for (const char* wrong : {"-1", "many", "100001"})
        CHECK(cache_command(folder, {"gc", "--keep-days", wrong}).exit_code == 2);
    CHECK(cache_command(folder, {"gc", "--keep-days", "100000"}).exit_code == 0);
    CHECK(cache_command(folder, {"gc", "--max-size", "much"}).exit_code == 2);
}

TEST_CASE("cache verify has its exit status") {
    CacheFolder folder;
    CHECK(cache_command(folder, {"verify"}).exit_code == 2);
    Sha256 digest = folder.put("hello", {"package", "tool 1.0"});
    auto good = cache_command(folder, {"verify"});
    CHECK(good.exit_code == 0);
    has(good.out, "1 entry, 5 B: 0 damaged\n");
    damage(folder.blob(digest), "HELLO");
    auto dry = cache_command(folder, {"verify", "--dry-run", "--json"});
    CHECK(dry.exit_code == 1);
    CHECK(nlohmann::json::parse(dry.out)["damaged"][0]["name"] == "tool 1.0");
    CHECK(folder.has(digest));
    auto bad = cache_command(folder, {"verify", "--quiet"});
    CHECK(bad.exit_code == 1);
    CHECK(bad.err.empty());
    has(bad.out, "damaged: package");
    has(bad.out, "1 entry, 5 B: 1 damaged and removed\n");
    CHECK(cache_command(folder, {"verify"}).exit_code == 0);
}

TEST_CASE("help of the cache commands has examples") {
    CacheFolder folder;
    for (const char* command : {"ls", "gc", "verify"}) {
        auto help = cache_command(folder, {command, "--help"});
        CHECK(help.exit_code == 0);
        has(help.out, "Examples:");
    }
    CHECK(cache_command(folder, {}).exit_code == 2);
}
