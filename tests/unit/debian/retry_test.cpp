#include "builder/cache/retry.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/fetch.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_server.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

struct Setting {
    TempDir directory = TempDir::create().value();
    BlobCache cache = BlobCache::open(directory / "cache").value();
    TestServer server;
    FetchOptions options;
    std::vector<unsigned> pauses;
    FetchItem item;

    Setting() {
        std::string content(100'000, 'x');
        server.put("/f", content);
        item.name = "f";
        item.url = server.url("/f");
        item.digest = Sha256::of(content);
        item.size = content.size();
        options.retry.pause = [this](unsigned milliseconds, const auto&) {
            pauses.push_back(milliseconds);
            return true;
        };
    }
    Status fetch() {
        auto paths = fetch_all(cache, {item}, options);
        return paths ? Status() : Status(std::move(paths).error());
    }
    void unavailable(const std::string& retry_after) {
        server.fail("/f", {.status = 503, .headers = "Retry-After: " + retry_after + "\r\n"});
    }
};

}  // namespace

TEST_CASE("pauses grow, and what a server asks for is heard within reason") {
    Setting setting;
    SECTION("it says nothing") {
        setting.server.fail("/f", {.status = 503}, 3);
        REQUIRE(setting.fetch());
        CHECK(setting.pauses == std::vector<unsigned>{500, 1000, 2000});
    }
    SECTION("longer than our own pause, and shorter") {
        setting.unavailable("7");
        setting.unavailable("0");
        REQUIRE(setting.fetch());
        CHECK(setting.pauses == std::vector<unsigned>{7000, 1000});
    }
    SECTION("as long as we wait at most") {
        setting.unavailable(std::to_string(setting.options.retry.longest_pause_s));
        REQUIRE(setting.fetch());
        CHECK(setting.pauses == std::vector<unsigned>{60'000});
    }
    SECTION("a second longer than that") {
        setting.unavailable(std::to_string(setting.options.retry.longest_pause_s + 1));
        Status failed = setting.fetch();
        REQUIRE_FALSE(failed);
        CHECK(failed.error().kind() == ErrorKind::network);
        CHECK(failed.error().hint().find("61 seconds") != std::string::npos);
        CHECK(setting.pauses.empty());
        CHECK(setting.server.seen().size() == 1);
    }
    SECTION("a mirror that stays broken is told of with what to do") {
        setting.server.fail("/f", {.status = 503}, 4);
        Status failed = setting.fetch();
        REQUIRE_FALSE(failed);
        CHECK(failed.error().to_string().find(setting.item.url) != std::string::npos);
        CHECK(failed.error().hint().find("--offline") != std::string::npos);
        CHECK(setting.server.seen().size() == 4);
    }
}

TEST_CASE("the pause that a server asks for, in seconds or as a date") {
    auto asked = [](const std::string& text, const std::string& date) {
        http::Response response;
        if (!text.empty()) response.headers["retry-after"] = text;
        if (!date.empty()) response.headers["date"] = date;
        return retry_after(response);
    };
    const std::string now = "Sat, 14 Nov 2026 12:00:00 GMT";
    CHECK(asked("120", "") == 120U);
    CHECK(asked("Sat, 14 Nov 2026 12:02:00 GMT", now) == 120U);
    CHECK(asked("Sat, 14 Nov 2026 11:00:00 GMT", now) == 0U);
    CHECK_FALSE(asked("Sat, 14 Nov 2026 12:02:00 GMT", ""));
    CHECK_FALSE(asked("soon", now));
    CHECK_FALSE(asked("-1", now));
    CHECK_FALSE(asked("99999999999999999999999", now));
    CHECK_FALSE(asked("", now));
}

TEST_CASE("a mirror that trickles is given up, and what came of it is continued") {
    Setting setting;
    setting.item.stall_timeout = std::chrono::seconds(1);
    setting.server.fail("/f", {.trickle = true});
    REQUIRE(setting.fetch());
    auto seen = setting.server.seen();
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].range.starts_with("bytes="));
    setting.item.digest = Sha256::of("another");
    setting.options.retry.attempts = 1;
    setting.server.fail("/f", {.trickle = true});
    Status failed = setting.fetch();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind() == ErrorKind::network);
    CHECK(failed.error().to_string().find(setting.item.url) != std::string::npos);
    CHECK(failed.error().message().find(std::to_string(lowest_mirror_speed)) != std::string::npos);
}
