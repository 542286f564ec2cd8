#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <filesystem>
#include <thread>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/fetch.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_server.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace fs = std::filesystem;

namespace {

struct Setting {
    TempDir directory = TempDir::create().value();
    BlobCache cache = BlobCache::open(directory / "cache").value();
    TestServer server;
    FetchOptions options;

    Setting() { options.retry.first_pause_ms = 1; }
    FetchItem item(const std::string& path, const std::string& content) {
        server.put(path, content);
        FetchItem wanted;
        wanted.name = path;
        wanted.url = server.url(path);
        wanted.digest = Sha256::of(content);
        wanted.size = content.size();
        return wanted;
    }
    Result<fs::path> fetch(const FetchItem& wanted) {
        OSIEKIT_ASSIGN(auto paths, fetch_all(cache, {wanted}, options));
        return paths.at(0);
    }
    bool cached(const FetchItem& wanted) { return cache.find(wanted.digest).value().has_value(); }
    // Files that a failed download must not leave: everything below the cache but stamps.
    std::size_t leftovers() {
        std::size_t n = 0;
        for (const char* folder : {"blobs", "partial"})
            for (const auto& entry : fs::recursive_directory_iterator(cache.directory() / folder))
                n += entry.is_regular_file() ? 1 : 0;
        return n;
    }
};

std::string long_text(std::size_t size) {
    std::string text;
    while (text.size() < size) text += std::to_string(text.size()) + " ";
    text.resize(size);
    return text;
}

// File times advance by the kernel's tick; returns once the next write would get a later one.
void wait_for_next_tick(const fs::path& path) {
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    timespec now{};
    do {
        REQUIRE(::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0);
    } while (now.tv_sec == info.st_ctim.tv_sec && now.tv_nsec <= info.st_ctim.tv_nsec);
}

}  // namespace

TEST_CASE("an entry is stored under its digest and found again") {
    Setting setting;
    Sha256 digest = Sha256::of("hello");
    REQUIRE_FALSE(setting.cache.find(digest).value());
    fs::path path = setting.cache.put("hello", digest).value();
    CHECK(path.filename() == digest.hex());
    CHECK(read_file(path).value() == "hello");
    CHECK(setting.cache.find(digest).value() == path);
    CHECK(BlobCache::open(setting.cache.directory()).value().find(digest).value() == path);
}

TEST_CASE("a damaged entry is never given out") {
    Setting setting;
    Sha256 digest = Sha256::of("hello");
    fs::path path = setting.cache.put("hello", digest).value();
    wait_for_next_tick(path);
    struct stat before {};
    REQUIRE(::stat(path.c_str(), &before) == 0);
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    {
        Fd fd = open_file(path, O_WRONLY).value();
        REQUIRE(write_all(fd.get(), "HELLO"));
    }
    // With its old time: only the change time tells.
    timespec times[2] = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    SECTION("in the process that wrote it") {
        CHECK_FALSE(setting.cache.find(digest).value());
    }
    SECTION("in another one") {
        CHECK_FALSE(BlobCache::open(setting.cache.directory()).value().find(digest).value());
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a stamp that does not fit is not believed") {
    Setting setting;
    Sha256 digest = Sha256::of("hello");
    // What a crash of the machine may leave: the name, with other bytes, and a stamp.
    fs::path path = setting.cache.directory() / "blobs/sha256" / digest.hex();
    REQUIRE(write_file(path, "hellx"));
    REQUIRE(write_file(setting.cache.directory() / "stamps" / digest.hex(), "5 1.0 1.0 7\n"));
    CHECK_FALSE(setting.cache.find(digest).value());
}

TEST_CASE("a cache where none can be made") {
    Setting setting;
    REQUIRE(write_file(setting.directory / "file", "x"));
    auto failed = BlobCache::open(setting.directory / "file" / "cache");
    CHECK(failed.error().kind() == ErrorKind::io);
}

TEST_CASE("many files are fetched in parallel, with progress, each once") {
    Setting setting;
    std::vector<FetchItem> items;
    std::uint64_t total = 0;
    for (int i = 0; i < 20; ++i) {
        items.push_back(setting.item("/f" + std::to_string(i), long_text(1000 + i * 1000)));
        total += items.back().size;
    }
    items.push_back(items[3]);  // the same bytes under two names are one download
    total += items.back().size;
    items.push_back(setting.item("/empty", ""));
    Progress last;
    setting.options.progress = [&](const Progress& progress) { last = progress; };
    auto paths = fetch_all(setting.cache, items, setting.options).value();
    REQUIRE(paths.size() == items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        CHECK(Sha256::of_file(paths[i]).value() == items[i].digest);
    CHECK(last.files_total == items.size());
    CHECK(last.bytes_total == total);
    CHECK(last.bytes_done == total - items[3].size);
    CHECK(setting.server.seen().size() == 21);
    REQUIRE(fetch_all(setting.cache, items, setting.options));
    CHECK(setting.server.seen().size() == 21);
}

TEST_CASE("wrong bytes are refused with URL and both digests, and nothing is kept") {
    Setting setting;
    FetchItem item = setting.item("/f", "the right text");
    setting.server.put("/f", "the wrong text");
    auto failed = setting.fetch(item);
    REQUIRE(failed.error().kind() == ErrorKind::digest);
    std::string text = failed.error().to_string();
    CHECK(text.find(item.url) != std::string::npos);
    CHECK(text.find(item.digest.hex()) != std::string::npos);
    CHECK(text.find(Sha256::of("the wrong text").hex()) != std::string::npos);
    setting.server.put("/f", "the right text and more");
    CHECK(setting.fetch(item).error().kind() == ErrorKind::digest);
    setting.server.put("/f", "the right");
    CHECK(setting.fetch(item).error().kind() == ErrorKind::digest);
    CHECK(setting.leftovers() == 0);
}

TEST_CASE("statuses: absent is final, a server's trouble is tried again") {
    Setting setting;
    FetchItem item = setting.item("/f", "text");
    setting.server.fail("/f", {.status = 404});
    CHECK(setting.fetch(item).error().kind() == ErrorKind::not_found);
    setting.server.fail("/f", {.status = 403});
    CHECK(setting.fetch(item).error().kind() == ErrorKind::refused);
    CHECK(setting.server.seen().size() == 2);
    setting.server.fail("/f", {.status = 500}, 4);
    CHECK(setting.fetch(item).error().kind() == ErrorKind::network);
    CHECK(setting.server.seen().size() == 6);
    CHECK(setting.leftovers() == 0);
    setting.server.fail("/f", {.status = 503}, 3);
    REQUIRE(setting.fetch(item));
    CHECK(setting.server.seen().size() == 10);
}

TEST_CASE("a body that breaks off is continued where it stopped") {
    Setting setting;
    std::string content = long_text(100000);
    FetchItem item = setting.item("/f", content);
    setting.server.fail("/f", {.cut_after = 60000});
    REQUIRE(setting.fetch(item));
    auto seen = setting.server.seen();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].range.empty());
    CHECK(seen[1].range == "bytes=60000-");
    CHECK(seen[1].status == 206);
    CHECK(setting.leftovers() == 1);
}

TEST_CASE("what an earlier run left is continued by the next") {
    Setting setting;
    std::string content = long_text(100000);
    FetchItem item = setting.item("/f", content);
    fs::path partial = setting.cache.partial_path(item.digest);
    SECTION("the beginning of the file") {
        REQUIRE(write_file(partial, content.substr(0, 70000)));
        REQUIRE(setting.fetch(item));
        CHECK(setting.server.seen().at(0).range == "bytes=70000-");
        CHECK(setting.server.seen().size() == 1);
    }
    SECTION("all of it: no request is needed") {
        REQUIRE(write_file(partial, content));
        REQUIRE(setting.fetch(item));
        CHECK(setting.server.seen().empty());
    }
    SECTION("wrong bytes are found out and fetched anew") {
        REQUIRE(write_file(partial, std::string(70000, 'x')));
        REQUIRE(setting.fetch(item));
        auto seen = setting.server.seen();
        REQUIRE(seen.size() == 2);
        CHECK(seen[1].range.empty());
    }
    SECTION("more than the file has") {
        REQUIRE(write_file(partial, std::string(200000, 'x')));
        REQUIRE(setting.fetch(item));
        CHECK(setting.server.seen().at(0).range.empty());
    }
    SECTION("from a server that knows no ranges") {
        REQUIRE(write_file(partial, content.substr(0, 70000)));
        setting.server.fail("/f", {.ignore_range = true});
        REQUIRE(setting.fetch(item));
        CHECK(setting.server.seen().size() == 1);
    }
    SECTION("from a server that answers another range") {
        REQUIRE(write_file(partial, content.substr(0, 70000)));
        setting.server.fail("/f", {.lie_about_range = true});
        REQUIRE(setting.fetch(item));
        CHECK(setting.server.seen().at(1).range.empty());
    }
    CHECK(setting.cached(item));
    CHECK(setting.leftovers() == 1);
}

TEST_CASE("offline: what is there is used, what is not is named") {
    Setting setting;
    FetchItem item = setting.item("/f", "text");
    setting.options.offline = true;
    auto failed = setting.fetch(item);
    CHECK(failed.error().kind() == ErrorKind::not_found);
    CHECK(failed.error().hint().find("--offline") != std::string::npos);
    setting.options.offline = false;
    REQUIRE(setting.fetch(item));
    setting.options.offline = true;
    REQUIRE(setting.fetch(item));
    CHECK(setting.server.seen().size() == 1);
}

TEST_CASE("cancelling leaves a part to continue and no entry") {
    Setting setting;
    std::string content = long_text(4'000'000);
    FetchItem item = setting.item("/f", content);
    fs::path partial = setting.cache.partial_path(item.digest);
    setting.options.cancelled = [&] {
        std::error_code absent;
        return fs::file_size(partial, absent) > 0 && !absent;
    };
    auto failed = setting.fetch(item);
    REQUIRE_FALSE(failed);
    REQUIRE(failed.error().kind() == ErrorKind::cancelled);
    CHECK_FALSE(setting.cached(item));
    auto part = read_file(partial).value();
    CHECK(part == content.substr(0, part.size()));
    CHECK(part.size() < content.size());
    setting.options.cancelled = nullptr;
    REQUIRE(setting.fetch(item));
    CHECK(setting.server.seen().back().range == "bytes=" + std::to_string(part.size()) + "-");
}

TEST_CASE("two builds with one cache download a file once") {
    Setting setting;
    FetchItem item = setting.item("/f", long_text(500000));
    BlobCache other = BlobCache::open(setting.cache.directory()).value();
    // The second begins while the first is in the middle of its body.
    Status second;
    std::thread thread;
    setting.server.fail("/f", {.before = [&] {
                            thread = std::thread([&] {
                                auto fetched = fetch_all(other, {item}, setting.options);
                                if (!fetched) second = std::move(fetched).error();
                            });
                        }});
    REQUIRE(setting.fetch(item));
    thread.join();
    CHECK(second.ok());
    CHECK(setting.server.seen().size() == 1);
}

TEST_CASE("credentials are sent and not shown") {
    Setting setting;
    FetchItem item = setting.item("/f", "text");
    item.url.replace(0, 7, "http://user:secret@");
    REQUIRE(setting.fetch(item));
    CHECK(setting.server.seen().at(0).authorization == "Basic dXNlcjpzZWNyZXQ=");
    FetchItem absent = item;
    absent.url += "absent";
    absent.digest = Sha256::of("other");
    std::string text = setting.fetch(absent).error().to_string();
    CHECK(text.find("absent") != std::string::npos);
    CHECK(text.find("secret") == std::string::npos);
}
