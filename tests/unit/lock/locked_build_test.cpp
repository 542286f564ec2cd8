#include <catch2/catch.hpp>

#include "builder/debian/release.hpp"
#include "builder/debian/repository.hpp"
#include "builder/image/lock_profile.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_packages.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

namespace fs = std::filesystem;

// A mirror, a profile that takes its packages, and the lock of both.
struct Site {
    TestServer server;
    Signer signer{"archive"};
    TestRepository mirror{server, signer};
    TempDir folder = TempDir::create().value();
    Profile profile;
    TestPackage tool{"tool", "2.0"};

    Site() {
        fs::create_directories(folder / "etc/apt/sources.list.d");
        REQUIRE(write_file(folder / "etc/os-release", "VERSION_CODENAME=bookworm\n"));
        REQUIRE(write_file(folder / "key.gpg", signer.public_key()));
        REQUIRE(write_file(folder / "etc/apt/sources.list.d/m.sources",
                           "Types: deb\nURIs: " + server.url("/debian") +
                               "\nSuites: bookworm\nComponents: main\nSigned-By: /key.gpg\n"));
        mirror.add({"kernel", "6.1-1"});
        mirror.add(tool);
        mirror.publish();
        profile =
            parse_profile("name: t\narch: amd64\nkernel: {package: kernel}\npackages: [tool]\n",
                          "p.yaml", folder.path())
                .value();
        profile.programs.clear();
    }
    std::shared_ptr<PackageSource> repositories(const std::string& cache) {
        DebianRepository::Options options;
        options.root = folder.path();
        options.cache = folder / cache;
        options.retry.first_pause_ms = 1;
        options.now = [] { return *parse_release_date("Sat, 14 Nov 2026 12:00:00 UTC"); };
        return std::shared_ptr<PackageSource>(DebianRepository::open(options).value());
    }
    Result<FoundPackages> locked_build(const std::string& cache) {
        auto source = locked_packages(profile, folder / "p.lock", folder.path(), 0, LocalFiles(),
                                      repositories(cache));
        REQUIRE(source);
        return find_packages(profile, **source, true);
    }
    void lock() {
        Lock lock;
        lock.inputs = lock_inputs(profile, folder.path(), 0, LocalFiles()).value();
        auto found = find_packages(profile, *repositories("first"), true).value();
        lock.packages = lock_packages(found).value();
        REQUIRE(write_file(folder / "p.lock", lock_text(lock)));
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a package of the lock that the mirror has no longer") {
    Site site;
    site.lock();
    std::size_t indexes = site.server.count("Packages") + site.server.count("by-hash");
    REQUIRE(site.locked_build("second"));
    // The mirror moves on.
    site.server.remove("/debian/" + TestRepository::pool_path(site.tool));
    site.mirror.clear();
    site.mirror.add({"kernel", "6.1-1"});
    site.mirror.add({"tool", "2.1"});
    site.mirror.publish();
    auto failed = site.locked_build("third");
    REQUIRE_FALSE(failed);
    std::string text = failed.error().to_string();
    INFO(text);
    CHECK(failed.error().kind() == ErrorKind::not_found);
    CHECK(has(text, "the package tool 2.0 of the lock cannot be had any more: GET "));
    CHECK(has(text, "HTTP status 404"));
    CHECK(has(text, "osiekit lock PROFILE --update tool"));
    // What is in the cache is as good as ever.
    auto built = site.locked_build("second");
    REQUIRE(built);
    CHECK(built->image.at(0).to_string() == "tool 2.0");
    // No locked build has read an index.
    CHECK(site.server.count("Packages") + site.server.count("by-hash") == indexes);
}

TEST_CASE("a package of the lock whose bytes are others now") {
    Site site;
    site.lock();
    site.mirror.clear();
    site.mirror.add({"kernel", "6.1-1"});
    site.mirror.add({"tool", "2.0", "", "", "amd64", "swapped"});
    site.mirror.publish();
    auto failed = site.locked_build("second");
    REQUIRE_FALSE(failed);
    INFO(failed.error().to_string());
    CHECK(failed.error().kind() == ErrorKind::digest);
    CHECK(has(failed.error().to_string(), "the package tool 2.0 of the lock"));
}

TEST_CASE("a lock says the same wherever the profile lies") {
    TempDir folder = TempDir::create().value();
    auto text_in = [&](const fs::path& directory, const std::string& source) {
        Profile profile =
            parse_profile(
                "name: t\nkernel: {package: k}\nfiles: [{path: /x, source: \"" + source + "\"}]\n",
                "p.yaml", directory)
                .value();
        profile.programs.clear();
        auto inputs = lock_inputs(profile, folder.path(), 0, LocalFiles());
        REQUIRE(inputs);
        return inputs->files.at(0).name;
    };
    for (const char* place : {"a/b", "c"}) {
        fs::create_directories(folder / place / "files");
        REQUIRE(write_file(folder / place / "files/x", "same\n"));
        REQUIRE(write_file((folder / place).parent_path() / "shared", "same\n"));
        CHECK(text_in(folder / place, "files/x") == "files/x");
        CHECK(text_in(folder / place, "../shared") == "../shared");
        // Written with its whole path, and yet in the folder; and one that lies elsewhere.
        CHECK(text_in(folder / place, (folder / place / "files/x").string()) == "files/x");
        REQUIRE(write_file(folder / "elsewhere", "same\n"));
        CHECK(text_in(folder / "a/b", (folder / "elsewhere").string()) ==
              (folder / "elsewhere").string());
        // As seen from where the program was started.
        fs::path here = fs::current_path();
        fs::current_path(folder / place);
        CHECK(text_in("", "files/x") == "files/x");
        CHECK(text_in("", (folder / place / "files/x").string()) == "files/x");
        fs::current_path(here);
    }
}
