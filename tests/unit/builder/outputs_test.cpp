#include "builder/image/contents.hpp"
#include "builder/image/output_names.hpp"
#include "builder/profile/profile.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

Result<Profile> parse(const std::string& text) {
    return parse_profile("name: x\nkernel: {package: k}\n" + text, "p.yaml", "/profiles");
}

}  // namespace

TEST_CASE("a profile names the files of a build") {
    OutputSpec usual = parse("")->outputs;
    CHECK(usual.kernel == "vmlinuz");
    CHECK(usual.initramfs == "initramfs");
    for (const std::string* name : {&usual.ipxe, &usual.spdx, &usual.cyclonedx, &usual.provenance})
        CHECK(name->empty());
    auto profile = parse(
        "outputs: {kernel: linux, initramfs: osie.img, ipxe: boot.ipxe, spdx: a.json,\n"
        "  cyclonedx: b.json, provenance: c.json}\n");
    REQUIRE(profile);
    CHECK(profile->outputs.kernel == "linux");
    CHECK(profile->outputs.initramfs == "osie.img");
    CHECK(profile->outputs.ipxe == "boot.ipxe");
    CHECK(profile->outputs.spdx == "a.json");
    CHECK(profile->outputs.cyclonedx == "b.json");
    CHECK(profile->outputs.provenance == "c.json");
    for (const char* value :
         {"{kernel: a, initramfs: a}", "{kernel: initramfs}", "{ipxe: manifest.json}",
          "{kernel: a/b}", "{kernel: ..}", "{kernel: \"\"}", "{lock: a}", "{kernel: \"a\\nb\"}"}) {
        auto wrong = parse("outputs: " + std::string(value) + "\n");
        INFO(value);
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().to_string().find("p.yaml:3: ") == 0);
    }
}

TEST_CASE("an image is found by the names in its manifest, as far as they are file names") {
    TempDir folder = *TempDir::create();
    CHECK(output_names(folder.path()).kernel == "vmlinuz");
    CHECK(initramfs_of(folder.path()) == folder / "initramfs");
    spill(folder / "manifest.json", R"({"outputs": {"kernel": "linux", "initramfs": "osie.img"}})");
    CHECK(output_names(folder.path()).kernel == "linux");
    CHECK(initramfs_of(folder.path()) == folder / "osie.img");
    for (const char* text : {R"({"outputs": {"kernel": "../linux", "initramfs": "/etc/shadow"}})",
                             R"({"outputs": {"kernel": "", "initramfs": 5}})",
                             R"({"outputs": [1]})", R"(["outputs"])", R"("outputs" {)"}) {
        INFO(text);
        spill(folder / "manifest.json", text);
        CHECK(output_names(folder.path()).kernel == "vmlinuz");
        CHECK(output_names(folder.path()).initramfs == "initramfs");
    }
}

TEST_CASE("the script of iPXE boots the two files with the arguments of the image") {
    CHECK(ipxe_script("site", {"linux", "osie.img"}, "console=ttyS0 quiet") ==
          "#!ipxe\n# site\nkernel linux initrd=osie.img console=ttyS0 quiet\ninitrd "
          "osie.img\nboot\n");
    CHECK(ipxe_script("site", {}, "") ==
          "#!ipxe\n# site\nkernel vmlinuz initrd=initramfs\ninitrd initramfs\nboot\n");
}
