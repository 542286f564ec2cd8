#include "builder/image/build.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <nlohmann/json.hpp>

#include "builder/image/compose.hpp"
#include "builder/image/contents.hpp"
#include "builder/image/local_package.hpp"
#include "builder/image/lock_profile.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/build_site.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

constexpr std::uint16_t elf_machine_other = 243;  // RISC-V

}  // namespace

TEST_CASE("a profile becomes kernel, initramfs and manifest") {
    BuildSite site;
    auto image = site.build(full_profile);
    if (!image) FAIL(image.error().to_string());
    CHECK(slurp(site.options.out / "vmlinuz") == "a kernel");
    Inspection inspection = site.inspect();
    CHECK(inspection.complete);
    CHECK(inspection.segments.size() == 6);
    for (const InspectedSegment& segment : inspection.segments) CHECK(segment.offset % 4 == 0);
    for (const char* path :
         {"init", "usr/bin/tink-worker", "usr/bin/tool", "etc/motd", "etc/mtab", "dev/console",
          "worker", "statedir", "lib/modules/6.1-test/kernel/net/top.ko",
          "lib/modules/6.1-test/kernel/net/side.ko", "lib/modules/6.1-test/modules.alias"}) {
        INFO(path);
        CHECK(find(inspection, path) != nullptr);
    }
    CHECK(find(inspection, "lib/modules/6.1-test/kernel/net/unused.ko") == nullptr);
    CHECK(find(inspection, "usr/share/doc/tool/copyright") == nullptr);
    // A directory above a site file keeps the mode that the base gave it.
    CHECK((find(inspection, "root")->mode & 07777) == 0700);
    auto manifest = nlohmann::json::parse(slurp(site.options.out / "manifest.json"));
    CHECK(manifest["kernel"]["version"] == "6.1-test");
    CHECK(manifest["modules"]["load"] == nlohmann::json{"low"});
    CHECK(manifest["modules"]["builtin"] == nlohmann::json{"ext4"});
    CHECK(manifest["modules"]["included"] == nlohmann::json{"low", "mid_dle", "side", "top"});
    CHECK(manifest["modules"]["firmware"] == nlohmann::json{"top/fw.bin"});
    CHECK(manifest["initramfs"]["size"] == slurp(site.options.out / "initramfs").size());
    CHECK(manifest["packages"].size() == 2);
    CHECK(manifest["segments"].size() == 6);
    REQUIRE(image->warnings.size() == 1);
    CHECK(image->warnings[0].ends_with("not in it: top/fw.bin (top)"));
    CHECK(manifest["least_ram"] > manifest["least_ram_with_initramfs_options"]);
}

TEST_CASE("cpio unpacks the image, and init.json says what the profile said") {
    BuildSite site;
    REQUIRE(site.build(full_profile + "init: {hostname: rack, ntp: [time.example]}\n"));
    std::string script =
        "cd \"$1\" && mkdir root && zstd -dqc out/initramfs | "
        "(cd root && while cpio -idm --quiet --no-preserve-owner 2>/dev/null; do :; done); true";
    auto unpacked = run_command({"sh", "-c", script, "sh", site.folder.path().string()});
    REQUIRE(unpacked);
    auto init = nlohmann::json::parse(slurp(site.folder / "root/etc/osie/init.json"));
    CHECK(init["hostname"] == "rack");
    CHECK(init["modules"] == nlohmann::json{"low"});
    CHECK(init["built"] > 0);
    CHECK(init["ntp"] == nlohmann::json{"time.example"});
    CHECK(init["services"][0]["command"][0] == "/usr/bin/tink-worker");
}

TEST_CASE("the same inputs give the same bytes, whatever is in the cache") {
    BuildSite site;
    REQUIRE(site.build(full_profile));
    std::string image = slurp(site.options.out / "initramfs");
    std::string manifest = slurp(site.options.out / "manifest.json");
    auto warm = site.build(full_profile);
    REQUIRE(warm);
    for (const Segment& segment : warm->segments) CHECK(segment.from_cache);
    CHECK(slurp(site.options.out / "initramfs") == image);
    site.options.cache = site.folder / "other-cache";
    site.options.parallel = 1;
    REQUIRE(site.build(full_profile));
    CHECK(slurp(site.options.out / "initramfs") == image);
    CHECK(slurp(site.options.out / "manifest.json") == manifest);
    site.options.mtime = 1;
    REQUIRE(site.build(full_profile));
    CHECK(slurp(site.options.out / "initramfs") != image);
    for (const InspectedSegment& segment : site.inspect().segments)
        for (const InspectedEntry& entry : segment.entries) CHECK(entry.mtime == 1);
}

TEST_CASE("the manifest names the source of every file") {
    BuildSite site;
    PackageSpec tool;
    tool.name = "tool";
    tool.files = {{"usr/bin/tool", make_program()},
                  {"usr/share/doc/tool/copyright",
                   "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
                   "Files: *\nCopyright: x\nLicense: Expat\n"}};
    site.packages["tool"] = make_deb(site.folder.path(), tool);
    std::filesystem::create_directories(site.folder / "shared");
    spill(site.folder / "shared/base.yaml",
          "files: [{path: /etc/issue, content: \"${secret}\"}]\n"
          "variables: {secret: hush}\n");
    std::string more = full_profile + "extends: shared/base.yaml\n";
    REQUIRE(site.build(more));
    std::string text = slurp(site.options.out / "manifest.json");
    auto manifest = nlohmann::json::parse(text);
    auto segment = [&](const std::string& name) {
        for (const auto& item : manifest["segments"])
            if (item["name"] == name) return item;
        FAIL(name);
        return nlohmann::json();
    };
    CHECK(segment("package file:tool")["source"] == "package file:tool");
    // Three modules, and five indexes that are made for them.
    CHECK(segment("modules")["source"] == "builder");
    auto modules = segment("modules")["other_sources"]["package file:linux-image-test"];
    CHECK(std::find(modules.begin(), modules.end(), "lib/modules/6.1-test/kernel/net/top.ko") !=
          modules.end());
    CHECK(segment("program tink-worker")["source"] == "program tink-worker");
    auto of_site = segment("site");
    auto from = [&](const std::string& path) {
        for (const auto& [source, paths] : of_site["other_sources"].items())
            if (std::find(paths.begin(), paths.end(), path) != paths.end()) return source;
        return of_site["source"].get<std::string>();
    };
    CHECK(from("etc/motd") == "profile p.yaml:6");
    CHECK(from("etc/issue") == "profile shared/base.yaml:1");
    CHECK(from("etc/osie/complete") == "builder");
    CHECK(manifest["packages"][1]["license"] == "MIT");
    CHECK_FALSE(manifest["packages"][0].contains("license"));
    // local_package() says "file", whose path on this machine is not told.
    CHECK(manifest["packages"][0]["system"] == "file");
    CHECK_FALSE(manifest["packages"][0].contains("location"));
    REQUIRE(manifest["profile"]["files"].size() == 2);
    CHECK(manifest["profile"]["files"][0]["name"] == "p.yaml");
    CHECK(manifest["profile"]["files"][1]["name"] == "shared/base.yaml");
    CHECK(manifest["profile"]["files"][1]["digest"] ==
          Sha256::of(slurp(site.folder / "shared/base.yaml")).oci());
    CHECK(manifest["profile"]["variables"]["secret"] == Sha256::of("hush").oci());
    CHECK(text.find("hush") == std::string::npos);
    REQUIRE(site.build(more));  // now from the cache
    CHECK(slurp(site.options.out / "manifest.json") == text);
}

TEST_CASE("a kernel that lets the root file system grow is told so") {
    BuildSite site;
    auto image = site.build("");
    REQUIRE(image);
    CHECK(image->cmdline == "quiet");
    PackageSpec newer = kernel_package();
    newer.files[0].second = std::string("kernel\0initramfs_options=\0", 26);
    site.packages["linux-image-test"] = make_deb(site.folder.path(), newer);
    for (bool warm : {false, true}) {
        INFO(warm);
        image = site.build("");
        REQUIRE(image);
        CHECK(image->cmdline == "initramfs_options=size=90% quiet");
        auto manifest = nlohmann::json::parse(slurp(site.options.out / "manifest.json"));
        CHECK(manifest["kernel"]["cmdline"] == image->cmdline);
    }
}

TEST_CASE("a change costs only its own segment") {
    BuildSite site;
    REQUIRE(site.build(full_profile));
    spill(site.folder / "programs/tink-worker", make_program() + "new");
    auto image = site.build(full_profile);
    REQUIRE(image);
    for (const Segment& segment : image->segments) {
        INFO(segment.name);
        CHECK(segment.from_cache == (segment.name != "program tink-worker"));
    }
}

TEST_CASE("a damaged cache is noticed and made again") {
    BuildSite site;
    REQUIRE(site.build(full_profile));
    std::string image = slurp(site.options.out / "initramfs");
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(site.options.cache / "recipes"))
        spill(file.path(), slurp(file.path()) + " ");
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(site.options.cache / "blobs"))
        if (file.is_regular_file()) spill(file.path(), "damaged");
    auto again = site.build(full_profile);
    if (!again) FAIL(again.error().to_string());
    CHECK(slurp(site.options.out / "initramfs") == image);
}

TEST_CASE("what is wrong is said, and nothing is left half-written") {
    BuildSite site;
    std::string p = (site.folder / "p.yaml").string();
    CHECK(site.failure("modules:\n  include:\n    - midle\n") ==
          p + ":6: this kernel has no module \"midle\" (hint: did you mean \"mid_dle\"?)");
    CHECK(site.failure("packages: [nothing]\n").find("no package nothing") != std::string::npos);
    CHECK(site.failure("files: [{path: /init, content: x}]\n").find("/init comes from program") ==
          0);
    CHECK(site.failure("init: {services: [{name: a, command: [/bin/none]}]}\n")
              .find("the service a runs /bin/none, which is not in the image") == 0);
    CHECK(site.failure("programs: {tink-worker: /usr/bin/tink-worker}\n").find("has no /init") !=
          std::string::npos);
    std::string missing = site.failure("programs:\n  osie-init: /init\n  helper: /helper\n");
    CHECK(missing.find(p + ":6: there is no program " +
                       (site.folder / "programs/helper").string()) == 0);
    CHECK(missing.find("--target helper") != std::string::npos);
    spill(site.folder / "programs/osie-init", make_program("/lib64/ld.so"));
    CHECK(site.failure("").find("lacks /lib64/ld.so") != std::string::npos);
    spill(site.folder / "programs/osie-init", make_program("", elf_machine_other));
    CHECK(site.failure("").find("not for the architecture amd64") != std::string::npos);
    spill(site.folder / "programs/osie-init", "text");
    CHECK(site.failure("").find("neither an ELF program nor a script") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(site.options.out / "vmlinuz"));
}

TEST_CASE("a build writes what the profile calls its outputs") {
    BuildSite site;
    REQUIRE(site.build("outputs: {kernel: linux, initramfs: osie.img, ipxe: boot.ipxe}\n"));
    for (const char* name : {"linux", "osie.img", "boot.ipxe", "manifest.json"})
        CHECK(std::filesystem::exists(site.options.out / name));
    for (const char* name : {"vmlinuz", "initramfs"})
        CHECK_FALSE(std::filesystem::exists(site.options.out / name));
    CHECK(slurp(site.options.out / "boot.ipxe") ==
          "#!ipxe\n# test\nkernel linux initrd=osie.img quiet\ninitrd osie.img\nboot\n");
    auto manifest = nlohmann::json::parse(slurp(site.options.out / "manifest.json"));
    CHECK(manifest["outputs"] == nlohmann::json{{"kernel", "linux"}, {"initramfs", "osie.img"}});
    auto contents = load_contents(site.options.out);
    if (!contents) FAIL(contents.error().to_string());
    CHECK(contents->manifest["name"] == "test");
}

TEST_CASE("documents of an earlier image are gone when a new one is there") {
    BuildSite site;
    const std::string outputs = "outputs: {spdx: spdx.json, cyclonedx: bom.json}\n";
    REQUIRE(site.build(full_profile + outputs));
    // A program writes them behind the image, if it comes to that.
    spill(site.options.out / "bom.json", "of the first image");
    spill(site.options.out / "notes.txt", "somebody's");
    REQUIRE(site.build(full_profile + outputs + "init: {hostname: second}\n"));
    CHECK_FALSE(std::filesystem::exists(site.options.out / "bom.json"));
    CHECK(std::filesystem::exists(site.options.out / "notes.txt"));
    // They go first: where they cannot, no image takes the place of the one that is there.
    std::string second = slurp(site.options.out / "initramfs");
    std::filesystem::create_directory(site.options.out / "bom.json");
    auto third = site.build(full_profile + outputs + "init: {hostname: third}\n");
    REQUIRE_FALSE(third);
    CHECK(third.error().to_string().find("bom.json") != std::string::npos);
    CHECK(slurp(site.options.out / "initramfs") == second);
}

TEST_CASE("what a killed build has left in the output is removed by the next, and nothing else") {
    BuildSite site;
    std::filesystem::create_directories(site.options.out / "vmlinuz.partial.folder");
    const char* left[] = {"vmlinuz.partial.abc123", "initramfs.partial.000000",
                          "manifest.json.partial.zzzzzz", "boot.ipxe.partial.a1b2c3"};
    const char* others[] = {"mine.partial.abc123", "vmlinuz.partial.abc1234",
                            "vmlinuz.partial.",    ".partial.abc123",
                            "initramfs.old",       "linux.partial.abc123"};
    for (const char* name : left) spill(site.options.out / name, "half");
    for (const char* name : others) spill(site.options.out / name, "whole");
    std::filesystem::create_symlink("initramfs.old", site.options.out / "initramfs.partial.a.link");
    auto there = [&](const char* name) { return std::filesystem::exists(site.options.out / name); };
    const std::string script = "outputs: {ipxe: boot.ipxe}\n";
    {
        // Another build that is at work holds the folder so.
        Fd other(::open(site.options.out.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(::flock(other.get(), LOCK_SH) == 0);
        REQUIRE(site.build(script));
        for (const char* name : left) CHECK(there(name));
    }
    REQUIRE(site.build(script));
    for (const char* name : left) {
        INFO(name);
        CHECK_FALSE(there(name));
    }
    for (const char* name : others) {
        INFO(name);
        CHECK(there(name));
    }
    CHECK(there("vmlinuz.partial.folder"));
    CHECK(there("initramfs.partial.a.link"));
}

TEST_CASE("an interrupted build leaves what was there") {
    BuildSite site;
    REQUIRE(site.build(full_profile));
    std::string image = slurp(site.options.out / "initramfs");
    spill(site.folder / "programs/osie-init", make_program() + "changed");
    site.options.cancelled = [] { return true; };
    auto stopped = site.build(full_profile);
    REQUIRE_FALSE(stopped);
    CHECK(exit_status(stopped.error()) == 130);
    CHECK(slurp(site.options.out / "initramfs") == image);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(site.options.out))
        ++files;
    CHECK(files == 3);
}
