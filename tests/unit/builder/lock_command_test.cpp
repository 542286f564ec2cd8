#include <algorithm>
#include <nlohmann/json.hpp>

#include "builder/lock/lock.hpp"
#include "tests/unit/builder/support.hpp"

// "osiekit lock" and "build --locked" as users run them, with a kernel from a file: no repository
// is asked.

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

struct LockSite {
    TempDir folder = TempDir::create().value();

    LockSite() {
        make_deb(folder.path(), kernel_package());
        spill(folder / "osie-init", make_program());
        spill(folder / "tink-worker", make_program());
        spill(folder / "motd", "welcome\n");
        profile("modules: {include: [top]}\n");
    }
    void profile(const std::string& more) const {
        spill(folder / "p.yaml",
              "name: test\narch: amd64\nkernel: {package: linux-image-test.deb, repository: file}\n"
              "variables: {motd: hello}\nfiles: [{path: /etc/motd, source: motd}]\n" +
                  more);
    }
    CommandOutput run(const std::vector<std::string>& words,
                      const std::string& environment = "A=b") const {
        return run_osiekit(folder.path(), words, {environment});
    }
    // The message of a locked build that must fail.
    std::string refused(const std::string& environment = "A=b") const {
        auto built = run({"build", "--locked"}, environment);
        CHECK(built.exit_code == 1);
        CHECK_FALSE(std::filesystem::exists(folder / "out"));
        return built.err;
    }
};

bool has(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a profile is locked, checked, and built from its lock") {
    LockSite site;
    has(site.refused(), "there is no lock file");
    auto locked = site.run({"lock"});
    INFO(locked.err);
    REQUIRE(locked.exit_code == 0);
    has(locked.out, "+ file motd\n");
    std::string text = slurp(site.folder / "p.lock");
    auto lock = parse_lock(text, "p.lock");
    REQUIRE(lock);
    CHECK(lock->inputs.files.size() == 2);  // the kernel's package and the file
    CHECK(lock->inputs.programs.size() == 2);
    CHECK(text.find("hello") == std::string::npos);  // a variable's value stays out
    CHECK(text.find(site.folder.path().string()) == std::string::npos);
    auto again = site.run({"lock"});
    CHECK(again.exit_code == 0);
    CHECK(again.out.empty());
    CHECK(slurp(site.folder / "p.lock") == text);
    CHECK(site.run({"lock", "--check"}).exit_code == 0);
    auto built = site.run({"build", "--locked", "--offline"});
    INFO(built.err);
    CHECK(built.exit_code == 0);
    std::string image = slurp(site.folder / "out/initramfs");
    REQUIRE(site.run({"build"}).exit_code == 0);
    CHECK(slurp(site.folder / "out/initramfs") == image);
}

TEST_CASE("a library of this machine that the profile names as a file, too, is in the lock once") {
    LockSite site;
    auto lock = [&](const std::string& more) {
        spill(site.folder / "p.yaml",
              "name: test\narch: amd64\nkernel: {package: linux-image-test.deb, repository: file}\n"
              "files:\n  - {path: /usr/bin/env, source: /usr/bin/env, libraries: host}\n" +
                  more);
        auto locked = site.run({"lock"});
        INFO(locked.err);
        REQUIRE(locked.exit_code == 0);
        return parse_lock(slurp(site.folder / "p.lock"), "p.lock").value().inputs.files;
    };
    std::string library;
    for (const LockedDigest& file : lock(""))
        if (file.name.find(".so") != std::string::npos) library = file.name;
    REQUIRE(library.starts_with("/"));
    auto files = lock("  - {path: /srv/copy, source: '" + library + "'}\n");
    CHECK(std::count_if(files.begin(), files.end(),
                        [&](const LockedDigest& file) { return file.name == library; }) == 1);
}

TEST_CASE("a lock that disagrees with its profile is refused, with the difference") {
    LockSite site;
    REQUIRE(site.run({"lock"}).exit_code == 0);
    std::string profile = (site.folder / "p.yaml").string();
    SECTION("a comment is no difference") {
        site.profile("modules: {include: [top]}  # the card of this rack\n");
        CHECK(site.run({"build", "--locked"}).exit_code == 0);
    }
    SECTION("a key of the profile") {
        site.profile("\nmodules: {include: [low]}\n");
        has(site.refused(),
            profile + ":7: the key modules is not what it was when the lock was made");
        auto checked = site.run({"lock", "--check", "--json"});
        CHECK(checked.exit_code == 1);
        CHECK(nlohmann::json::parse(checked.out)[0]["name"] == "modules");
    }
    SECTION("a package") {
        site.profile("modules: {include: [top]}\npackages:\n  - strace\n");
        has(site.refused(), profile + ":8: the request packages.debian strace is not in the lock");
    }
    SECTION("a variable") {
        CHECK(site.run({"lock", "--check", "--set", "motd=bye"}).exit_code == 1);
        CHECK(site.run({"build", "--locked", "--set", "motd=bye"}).exit_code == 1);
    }
    SECTION("a local file") {
        spill(site.folder / "motd", "bye\n");
        has(site.refused(), "the file motd is not what it was");
        auto locked = site.run({"lock"});
        CHECK(locked.out == "! file motd\n");
        CHECK(site.run({"build", "--locked"}).exit_code == 0);
    }
    SECTION("a program") {
        spill(site.folder / "osie-init", make_program() + "x");
        has(site.refused(), "the program osie-init is not what it was");
    }
    SECTION("the time of the files") {
        has(site.refused("SOURCE_DATE_EPOCH=7"), "mtime is 7, and in the lock 0");
    }
    SECTION("the compression") {
        CHECK(site.run({"build", "--locked", "--level", "3"}).exit_code == 1);
    }
    SECTION("a damaged lock") {
        spill(site.folder / "p.lock", slurp(site.folder / "p.lock") + "x");
        has(site.run({"build", "--locked"}).err, "it is not JSON");
        CHECK(site.run({"lock", "--check"}).exit_code == 2);
    }
}

TEST_CASE("a locked build notices every change in a tree") {
    LockSite site;
    std::filesystem::create_directories(site.folder / "tree/bin");
    spill(site.folder / "tree/bin/tool", "tool");
    site.profile("trees: [{source: tree}]\n");
    REQUIRE(site.run({"lock"}).exit_code == 0);
    auto built = site.run({"build", "--locked"});
    INFO(built.err);
    REQUIRE(built.exit_code == 0);
    std::filesystem::remove_all(site.folder / "out");
    std::filesystem::permissions(site.folder / "tree/bin/tool", std::filesystem::perms::owner_all);
    CHECK(has(site.refused(), "tree"));
    REQUIRE(site.run({"lock"}).exit_code == 0);
    spill(site.folder / "tree/bin/other", "more");
    CHECK(has(site.refused(), "tree"));
}
