#include <catch2/catch.hpp>
#include <filesystem>

#include "builder/alpine/apk.hpp"
#include "builder/alpine/atom.hpp"
#include "builder/alpine/repository.hpp"
#include "builder/alpine/resolver.hpp"
#include "builder/alpine/version.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_server.hpp"
#include "tests/unit/packages/obtain.hpp"

using namespace osiekit;
using namespace osiekit::builder;
namespace fs = std::filesystem;

namespace {

const fs::path fixtures = ALPINE_FIXTURES;

std::string fixture(const std::string& name) {
    return read_file(fixtures / name).value();
}

std::string record(const std::string& name, const std::string& version, const std::string& more) {
    return "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:" + name + "\nV:" + version + "\nS:9\n" + more +
           "\n";
}

struct Chosen {
    std::string names;
    std::string error;
};
Chosen choose(const std::string& text, const std::vector<std::string>& names,
              const std::vector<std::string>& exclude = {},
              const Dependencies& dependencies = Dependencies::all()) {
    alpine::Index index;
    REQUIRE(index.add(text, 0, "main"));
    index.finish();
    PackageQuery query = query_of(PackageSystem::alpine, names, dependencies);
    for (const std::string& name : exclude) query.exclude.push_back({name, {}});
    auto chosen = alpine::resolve(index, query);
    if (!chosen) return {"", chosen.error().to_string()};
    Chosen result;
    for (const auto* one : *chosen)
        result.names += std::string(one->name) + "=" + std::string(one->version) + " ";
    return result;
}

}  // namespace

TEST_CASE("versions are ordered as apk orders them") {
    std::vector<std::string> rising = {"nonsense", "0.1_alpha", "0.1_alpha1", "0.1_beta", "0.1_pre",
                                       "0.1_rc1",  "0.1",       "0.1-r0",     "0.1-r10",  "0.1_cvs",
                                       "0.1_svn",  "0.1_git2",  "0.1_hg",     "0.1_p1",   "0.1a",
                                       "0.1.05",   "0.1.5",     "0.1.10",     "2",        "10"};
    for (std::size_t a = 0; a < rising.size(); ++a)
        for (std::size_t b = 0; b < rising.size(); ++b) {
            INFO(rising[a] << " and " << rising[b]);
            CHECK((alpine::compare_versions(rising[a], rising[b]) < 0) == (a < b));
            CHECK((alpine::compare_versions(rising[a], rising[b]) == 0) == (a == b));
        }
    CHECK(alpine::matches_prefix("1.2.3-r4", "1.2"));
    CHECK_FALSE(alpine::matches_prefix("1.20", "1.2"));
    CHECK(alpine::valid_version(std::string(alpine::version_limit, '1')));
    CHECK_FALSE(alpine::valid_version(std::string(alpine::version_limit + 1, '1')));
    CHECK_FALSE(alpine::valid_version("1.0bc"));
}

TEST_CASE("dependencies are resolved with provisions, pins and cycles") {
    std::string index = record("a", "1-r0", "D:so:l.so.1 b\n") + record("b", "1-r0", "D:a\n") +
                        record("b", "2-r0", "D:a\n") + record("lib", "3-r0", "p:so:l.so.1=1\n") +
                        record("a-doc", "1-r0", "i:a=1-r0 docs\n") + record("docs", "1-r0", "");
    CHECK(choose(index, {"a"}).names == "a=1-r0 b=2-r0 lib=3-r0 ");
    CHECK(choose(index, {"a", "b<2"}).names == "a=1-r0 b=1-r0 lib=3-r0 ");
    CHECK(choose(index, {"a", "b~1"}).names == "a=1-r0 b=1-r0 lib=3-r0 ");
    CHECK(choose(index, {"a", "docs"}).names == "a=1-r0 a-doc=1-r0 b=2-r0 docs=1-r0 lib=3-r0 ");
    CHECK(choose(index, {"a"}, {"lib", "so:l.so.1"}).names == "a=1-r0 b=2-r0 ");
    CHECK(choose(index, {"a"}, {}, Dependencies::none()).names == "a=1-r0 ");
}

TEST_CASE("what cannot be resolved is explained by its chain") {
    std::string index = record("a", "1-r0", "D:b c\n") + record("b", "1-r0", "D:gone\n") +
                        record("c", "1-r0", "D:!d\n") + record("d", "1-r0", "") +
                        record("v1", "1-r0", "p:v\n") + record("w", "1-r0", "D:v\n") +
                        record("x", "1-r0", "D:d>2\n") + record("y", "1-r0", "p:v2=1\n") +
                        record("z", "1-r0", "p:v2=3\n");
    CHECK(choose(index, {"a"}).error ==
          "package gone does not exist in the given repositories: a was asked for -> a 1-r0 "
          "depends on b -> b 1-r0 depends on gone (hint: check the name, and the branch and the "
          "repositories)");
    CHECK(choose(index, {"c", "d"}).error ==
          "d 1-r0 and c 1-r0 exclude each other: c 1-r0 says \"!d\"; d was asked for; c was asked "
          "for");
    CHECK(choose(index, {"d", "c"}).error ==
          "d 1-r0 and c 1-r0 exclude each other: c 1-r0 says \"!d\"; d was asked for; c was asked "
          "for");
    CHECK(choose(index, {"!d", "d"}).error ==
          "d 1-r0 is to be kept away: !d was asked for; d was asked for");
    CHECK(choose(index, {"x"}).error ==
          "package d>2 cannot be found: x was asked for -> x 1-r0 depends on d>2; d 1-r0 is there, "
          "from main");
    CHECK(choose(index, {"y", "z"}).error ==
          "z 1-r0 and y 1-r0 exclude each other: both have the name \"v2\"; z was asked for; y was "
          "asked for");
    CHECK(choose(index, {"w"}).error ==
          "package v is a virtual name that nothing fills by itself: w was asked for -> w 1-r0 "
          "depends on v (hint: name one of its providers: v1)");
    CHECK(choose(index, {"w", "v1"}).names == "v1=1-r0 w=1-r0 ");
}

TEST_CASE("names of libraries, commands and pkg-config, and priorities of providers") {
    std::string index =
        record("a", "1-r0", "D:so:libz.so.1 cmd:vi pc:foo>=2\n") +
        record("zlib", "1-r0", "p:so:libz.so.1=1.2.13\n") +
        record("busybox", "1-r0", "p:cmd:vi=1-r0\nk:10\n") +
        record("vim", "9-r0", "p:cmd:vi=9-r0\n") + record("foo-dev", "2-r0", "p:pc:foo=2.1\n") +
        record("foo1-dev", "1-r0", "p:pc:foo=1.9\n") + record("b", "1-r0", "D:sh\n") +
        record("dash", "1-r0", "p:sh\nk:5\n") + record("bash", "1-r0", "p:sh\nk:20\n");
    CHECK(choose(index, {"a"}).names == "a=1-r0 foo-dev=2-r0 vim=9-r0 zlib=1-r0 ");
    CHECK(choose(index, {"busybox", "a"}).names == "a=1-r0 busybox=1-r0 foo-dev=2-r0 zlib=1-r0 ");
    CHECK(choose(index, {"b"}).names == "b=1-r0 bash=1-r0 ");
    CHECK(choose(index, {"b", "dash"}).names == "b=1-r0 dash=1-r0 ");
}

TEST_CASE("a repository can be asked for by name, and what is preferred stays") {
    alpine::Index index;
    REQUIRE(index.add(record("a", "1-r0", "D:b\n") + record("b", "1-r0", ""), 0, "main"));
    REQUIRE(index.add(record("a", "2-r0", "D:b>=2\n") + record("b", "2-r0", ""), 1, "edge"));
    index.finish();
    auto ask = [&](const std::vector<std::string>& names,
                   std::map<std::string, std::string, std::less<>> prefer = {}) {
        PackageQuery query = query_of(PackageSystem::alpine, names);
        query.prefer = std::move(prefer);
        auto chosen = alpine::resolve(index, query);
        if (!chosen) return chosen.error().to_string();
        std::string text;
        for (const auto* one : *chosen)
            text += std::string(one->name) + "=" + std::string(one->version) + " ";
        return text;
    };
    CHECK(ask({"a"}) == "a=2-r0 b=2-r0 ");
    CHECK(ask({"a@main"}) == "a=1-r0 b=2-r0 ");
    CHECK(ask({"a@main", "b@main"}) == "a=1-r0 b=1-r0 ");
    CHECK(
        ask({"a@edge", "b@main"}) ==
        "b 2-r0 is not what was asked for: a@edge was asked for -> a 2-r0 depends on b>=2; b@main "
        "was asked for");
    CHECK(ask({"a@community"}) ==
          "\"a@community\" names no repository of this profile (hint: it has: main, edge)");
    CHECK(ask({"a"}, {{"a", "1-r0"}}) == "a=1-r0 b=2-r0 ");
    CHECK(ask({"a"}, {{"a", "1-r0"}, {"b", "1-r0"}}) == "a=1-r0 b=1-r0 ");
    CHECK(ask({"a"}, {{"b", "1-r0"}}) == "a=2-r0 b=2-r0 ");
}

TEST_CASE("a real package is read, and a flipped byte anywhere is noticed") {
    std::string bytes = fixture("alpine-baselayout-3.2.0-r23.apk");
    auto parts = alpine::open_apk(bytes);
    REQUIRE(parts);
    CHECK(parts->info.name == "alpine-baselayout");
    CHECK_FALSE(parts->info.scripts.empty());
    std::size_t files = 0;
    auto count = [&](PackageFile&&) {
        ++files;
        return Status();
    };
    REQUIRE(alpine::read_apk_bytes(bytes, count));
    CHECK(files > 50);
    std::string data = bytes;
    data[data.size() - 100] ^= 1;
    CHECK(alpine::open_apk(data).error().kind() == ErrorKind::digest);
    for (std::size_t size : {std::size_t{0}, std::size_t{100}, bytes.size() - 1})
        CHECK_FALSE(alpine::open_apk(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("a signed repository is used, and only by its own key") {
    TempDir folder = TempDir::create().value();
    fs::create_directories(folder / "keys");
    fs::copy_file(fixtures / "melange.rsa.pub", folder / "keys/melange.rsa.pub");
    TestServer server;
    std::string base = "/alpine/v1/main/x86_64/";
    for (const char* name : {"APKINDEX.tar.gz", "replayout-1.0.0-r0.apk"})
        server.put(base + name, fixture(name));
    AlpineRepository::Options options;
    options.mirror = server.url("/alpine");
    options.branch = "v1";
    options.keys = folder / "keys";
    options.cache = folder / "cache";
    options.retry.first_pause_ms = 1;
    auto obtain = [&] {
        auto repository = AlpineRepository::open(options).value();
        return test::obtain(*repository,
                            query_of(PackageSystem::alpine, {"replayout"}, Dependencies::none()));
    };
    SECTION("whole, then without the network") {
        auto got = obtain();
        REQUIRE(got);
        CHECK(got->at(0).version == "1.0.0-r0");
        CHECK(Sha256::of_file(got->at(0).file).value() == got->at(0).digest);
        std::size_t requests = server.count();
        options.offline = true;
        CHECK(obtain());
        CHECK(server.count() == requests);
    }
    SECTION("an altered index is refused") {
        std::string index = fixture("APKINDEX.tar.gz");
        index[index.size() - 9] ^= 1;
        server.put(base + "APKINDEX.tar.gz", index);
        CHECK(obtain().error().kind() == ErrorKind::refused);
    }
    SECTION("another key of the same name is refused") {
        fs::copy_file(fixtures / "test-rsa256.rsa.pub", folder / "keys/melange.rsa.pub",
                      fs::copy_options::overwrite_existing);
        CHECK(obtain().error().kind() == ErrorKind::refused);
    }
    SECTION("a mirror that trickles is given up, and asked again") {
        options.stall_timeout = std::chrono::seconds(1);
        options.retry.attempts = 1;
        server.fail(base + "APKINDEX.tar.gz", {.trickle = true});
        auto failed = obtain();
        REQUIRE_FALSE(failed);
        CHECK(failed.error().kind() == ErrorKind::network);
        CHECK(failed.error().to_string().find(base + "APKINDEX.tar.gz") != std::string::npos);
        options.retry.attempts = 2;
        server.fail(base + "replayout-1.0.0-r0.apk", {.trickle = true});
        CHECK(obtain());
    }
    SECTION("what arrives of a package is told, and counted once") {
        Progress last;
        bool part = false;
        options.progress = [&](const Progress& now) {
            part = part || (now.bytes_done > 0 && now.files_done == 0);
            last = now;
        };
        server.fail(base + "replayout-1.0.0-r0.apk", {.cut_after = 500});
        auto got = obtain();
        REQUIRE(got);
        CHECK(part);
        CHECK(last.bytes_done == got->at(0).size);
        CHECK(last.bytes_total == got->at(0).size);
        CHECK(last.files_done == 1);
    }
    SECTION("another package, or half of one, is not taken") {
        std::string package = fixture("replayout-1.0.0-r0.apk");
        server.put(base + "replayout-1.0.0-r0.apk", package.substr(0, package.size() - 1));
        CHECK(obtain().error().kind() == ErrorKind::digest);
        server.remove(base + "replayout-1.0.0-r0.apk");
        CHECK(obtain().error().kind() == ErrorKind::not_found);
    }
}
