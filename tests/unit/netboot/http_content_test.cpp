#include "server/netboot/http/content.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;
using namespace osiekit::netboot::web;

namespace {

struct Verdict {
    RangeVerdict verdict;
    Range range;
};

Verdict range_of(std::string_view header, std::uint64_t size) {
    Verdict result{};
    result.verdict = parse_range(header, size, result.range);
    return result;
}

}  // namespace

TEST_CASE("targets are decoded and split") {
    auto target = parse_target("/ipxe/script/52%3A54%3a00/auto.ipxe?a=%20b").value();
    CHECK(target.path == "/ipxe/script/52:54:00/auto.ipxe");
    CHECK(target.query == "a=%20b");
    CHECK(parse_target("/")->path == "/");
}

TEST_CASE("targets that are refused") {
    for (const std::string bad :
         {"", "osie", "http://x.example/", "*", "/..", "/a/../b", "/a/%2e%2e/b", "/a/%2E.", "/./a",
          "/a%00b", "/a%0ab", "/a%7f", "/%", "/%4", "/%zz", "?x"}) {
        INFO(bad);
        CHECK_FALSE(parse_target(bad));
    }
    CHECK(parse_target("/" + std::string(largest_target - 1, 'a')));
    CHECK(parse_target("/" + std::string(largest_target, 'a')).error().kind() == ErrorKind::limit);
}

TEST_CASE("ranges that are honoured") {
    CHECK(range_of("bytes=0-0", 10).range == Range{0, 1});
    CHECK(range_of("bytes=3-", 10).range == Range{3, 7});
    CHECK(range_of("bytes=-4", 10).range == Range{6, 4});
    CHECK(range_of("bytes=-40", 10).range == Range{0, 10});
    CHECK(range_of("bytes=5-99", 10).range == Range{5, 5});
    CHECK(range_of("Bytes= 9-9 ", 10).range == Range{9, 1});
    CHECK(range_of("bytes=0-18446744073709551615", 10).range == Range{0, 10});
}

TEST_CASE("ranges that mean the whole, and those that cannot be") {
    for (const std::string header :
         {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=1-2,4-5", "lines=1-2",
          "bytes=1-2-3", "bytes=18446744073709551616-"}) {
        INFO(header);
        CHECK(range_of(header, 10).verdict == RangeVerdict::whole);
    }
    for (const std::string header : {"bytes=10-", "bytes=10-20", "bytes=-0"}) {
        INFO(header);
        CHECK(range_of(header, 10).verdict == RangeVerdict::unsatisfiable);
    }
    CHECK(range_of("bytes=0-", 0).verdict == RangeVerdict::unsatisfiable);
    CHECK(range_of("bytes=-1", 0).verdict == RangeVerdict::unsatisfiable);
}

TEST_CASE("conditions decide between the whole, a part and nothing") {
    auto content = memory_content(std::make_shared<const std::string>("0123456789"));
    content.modified = 1'700'000'000;
    auto status = [&](Conditions conditions) { return select(content, conditions).status; };
    CHECK(status({}) == 200);
    CHECK(status({"bytes=2-3", {}, {}, {}}) == 206);
    CHECK(status({"bytes=20-", {}, {}, {}}) == 416);
    CHECK(status({"bytes=2-3", content.etag, {}, {}}) == 206);
    CHECK(status({"bytes=2-3", "\"other\"", {}, {}}) == 200);
    CHECK(status({"bytes=2-3", http_date(content.modified), {}, {}}) == 206);
    CHECK(status({"bytes=2-3", http_date(content.modified - 1), {}, {}}) == 200);
    CHECK(status({{}, {}, "\"a\", W/" + content.etag, {}}) == 304);
    CHECK(status({{}, {}, "*", {}}) == 304);
    CHECK(status({{}, {}, "\"a\"", http_date(content.modified)}) == 200);
    CHECK(status({{}, {}, {}, http_date(content.modified)}) == 304);
    CHECK(status({{}, {}, {}, http_date(content.modified - 1)}) == 200);
    CHECK(status({{}, {}, {}, "yesterday"}) == 200);
}

TEST_CASE("dates as HTTP writes them") {
    CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT+1") == 0);
    CHECK(parse_http_date("") == 0);
}

TEST_CASE("only plain files inside the folder are served") {
    auto outside = TempDir::create().value();
    auto folder = TempDir::create().value();
    REQUIRE(write_file(outside / "secret", "no"));
    REQUIRE(write_file(folder / "vmlinuz-6.1", "kernel"));
    REQUIRE(write_file(folder / ".hidden", "no"));
    std::filesystem::create_directory(folder / "deep");
    REQUIRE(write_file(folder / "deep" / "initramfs", "initrd"));
    std::filesystem::create_symlink("vmlinuz-6.1", folder / "vmlinuz");
    std::filesystem::create_symlink(outside / "secret", folder / "absolute");
    std::filesystem::create_symlink("../" + outside.path().filename().string() + "/secret",
                                    folder / "upwards");
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);

    CHECK(open_content(folder.path(), "vmlinuz")->size == 6);
    CHECK(open_content(folder.path(), "deep/initramfs")->size == 6);
    for (const std::string path : {"", "missing", ".hidden", "deep", "deep/", "/etc/passwd", "../x",
                                   "deep/../vmlinuz", "absolute", "upwards", "fifo"}) {
        INFO(path);
        auto content = open_content(folder.path(), path);
        REQUIRE_FALSE(content);
        CHECK(content.error().kind() == ErrorKind::not_found);
    }
}

TEST_CASE("a file that is replaced has another tag") {
    auto folder = TempDir::create().value();
    REQUIRE(write_file(folder / "a", "one"));
    auto before = open_content(folder.path(), "a")->etag;
    CHECK(open_content(folder.path(), "a")->etag == before);
    REQUIRE(write_file(folder / "a", "two"));
    CHECK(open_content(folder.path(), "a")->etag != before);
}
