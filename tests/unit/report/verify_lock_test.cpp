#include "builder/report/verify_lock.hpp"

#include <algorithm>

#include "builder/image/lock_profile.hpp"
#include "tests/unit/report/site.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// A profile with a file of its own, its lock, and the image built from them.
struct LockedSite {
    TempDir folder = BuiltSite::make();

    LockedSite() {
        spill(folder / "motd", "welcome\n");
        spill(folder / "p.yaml",
              slurp(folder / "p.yaml") + "  - {path: /etc/issue, source: motd}\n");
        REQUIRE(run({"lock"}).exit_code == 0);
        build();
    }
    CommandOutput run(std::vector<std::string> words) const {
        std::string path = folder.path().string();
        words.insert(words.begin() + 1,
                     {path + "/p.yaml", "--programs", path, "--cache", path + "/cache", "--quiet"});
        return osiekit_program(words);
    }
    void build() const {
        auto built = run({"build", "--out", (folder / "out").string()});
        INFO(built.err);
        REQUIRE(built.exit_code == 0);
    }
    // The findings of the program, and its exit status.
    CommandOutput verify() const {
        return osiekit_program(
            {"verify", (folder / "out").string(), "--lock", (folder / "p.lock").string()});
    }
    void expect(const std::string& finding) const {
        auto output = verify();
        INFO(output.out << output.err);
        CHECK(output.exit_code == 1);
        CHECK(output.out.find(finding) != std::string::npos);
    }
};

}  // namespace

TEST_CASE("an image of its lock is good, and a changed file, program or value is found") {
    LockedSite site;
    auto good = site.verify();
    INFO(good.out << good.err);
    CHECK(good.exit_code == 0);
    spill(site.folder / "motd", "another\n");
    site.build();
    site.expect("manifest.json: the file motd is another one than in the lock");
    site.expect("initramfs: /etc/issue is not the file motd of the lock");
    spill(site.folder / "motd", "welcome\n");
    spill(site.folder / "tink-worker", make_program() + "other");
    site.build();
    site.expect("manifest.json: the program tink-worker is another one than in the lock");
    site.expect("initramfs: /usr/bin/tink-worker is not the program tink-worker of the lock");
    spill(site.folder / "tink-worker", make_program() + "worker");
    std::string profile = slurp(site.folder / "p.yaml");
    spill(site.folder / "p.yaml", profile + "sysctl: {kernel.panic: 10}\n");
    site.build();
    site.expect("manifest.json: the key sysctl is not in the lock");
    spill(site.folder / "p.yaml", profile);
    site.build();
    CHECK(site.verify().exit_code == 0);
    // Of an initramfs alone nobody knows what it was built from.
    CHECK(osiekit_program({"verify", (site.folder / "out/initramfs").string(), "--lock",
                           (site.folder / "p.lock").string()})
              .exit_code == 2);
}

TEST_CASE("packages that are swapped, missing or not asked for are found") {
    LockedSite site;
    KnownImage image = load_known_image(site.folder / "out").value();
    Lock lock = read_lock(site.folder / "p.lock").value();
    REQUIRE(verify_lock(image, lock, "p.lock").empty());
    ManifestPackage package;
    package.system = "debian";
    package.name = "tool";
    package.version = "2.0";
    package.architecture = "amd64";
    package.digest = Sha256::of("tool");
    package.size = 4;
    LockedPackage locked;
    locked.system = "debian";
    locked.name = "tool";
    locked.version = "2.0";
    locked.architecture = "amd64";
    locked.digest = package.digest;
    locked.size = 4;
    auto found = [&](const std::vector<ManifestPackage>& more,
                     const std::vector<LockedPackage>& of) {
        KnownImage other = image;
        other.manifest.packages.insert(other.manifest.packages.end(), more.begin(), more.end());
        Lock another = lock;
        another.packages = of;
        std::string text;
        for (const Finding& finding : verify_lock(other, another, "p.lock"))
            text += finding.to_string() + "\n";
        return text;
    };
    CHECK(found({package}, {locked}).empty());
    CHECK(found({package}, {}) == "manifest.json: the package tool 2.0 is not in the lock\n");
    CHECK(found({}, {locked}) == "p.lock: the package tool 2.0 is not in the image\n");
    ManifestPackage newer = package;
    newer.version = "2.1";
    CHECK(found({newer}, {locked}) ==
          "manifest.json: the package tool 2.1 is not in the lock\n"
          "p.lock: the package tool 2.0 is not in the image\n");
    ManifestPackage swapped = package;
    swapped.digest = Sha256::of("trojan");
    CHECK(found({swapped}, {locked}) ==
          "manifest.json: the package tool 2.0 has other bytes than the one of the lock\n");
    ManifestPackage file = package;
    file.system = "file";
    CHECK(found({file}, {}) ==
          "manifest.json: the package tool 2.0, taken from a file, is not in the lock\n");
}

TEST_CASE("files of the image that the lock does not account for are found") {
    LockedSite site;
    KnownImage image = load_known_image(site.folder / "out").value();
    Lock lock = read_lock(site.folder / "p.lock").value();
    auto found = [&](const KnownImage& other) {
        std::string text;
        for (const Finding& finding : verify_lock(other, lock, "p.lock"))
            text += finding.to_string() + "\n";
        return text;
    };
    KnownImage other = image;
    other.files.push_back(image.files.front());
    other.files.back().path = "usr/bin/extra";
    other.files.back().source = {FileSource::Kind::package, "extra"};
    CHECK(found(other) ==
          "initramfs: /usr/bin/extra is of the package extra, which the manifest does not name\n");
    other = image;
    std::erase_if(other.files, [](const ImageFile& file) { return file.path == "init"; });
    CHECK(found(other) == "p.lock: the program osie-init is not in the image\n");
    other = image;
    std::erase_if(other.files, [](const ImageFile& file) { return file.path == "etc/issue"; });
    CHECK(found(other) == "p.lock: /etc/issue, a copy of motd, is not in the image\n");
    other = image;
    other.manifest.inputs.reset();
    CHECK(found(other) ==
          "manifest.json: it does not say which local files the image was built from\n");
}
