#include "builder/image/firmware.hpp"

#include "builder/kernel/kernel_reader.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

Result<Profile> parse(const std::string& text) {
    return parse_profile("name: x\nkernel: {package: k}\n" + text, "p.yaml", "/profiles");
}

FirmwareSpec spec_of(const std::string& value) {
    auto profile = parse("firmware: " + value + "\n");
    if (!profile) FAIL(profile.error().to_string());
    return profile->firmware;
}

Tree tree_of(const std::vector<std::string>& files) {
    Tree tree;
    for (const std::string& text : files) {
        auto arrow = text.find(" -> ");
        Entry entry = arrow == std::string::npos
                          ? Entry::file(FileContent::bytes("x"), "package f")
                          : Entry::symlink(text.substr(arrow + 4), "package f");
        Status added = tree.add(text.substr(0, arrow), std::move(entry));
        REQUIRE(added);
    }
    return tree;
}

std::vector<std::string> files_of(const Tree& tree) {
    std::vector<std::string> paths;
    for (const auto& [path, entry] : tree.entries())
        if (entry.type != EntryType::directory) paths.push_back(path);
    return paths;
}

const ModuleFirmware asked = {{"card", {"card/a.bin", "card/b.bin", "wild/*.fw"}},
                              {"disk", {"disk.bin", "card/a.bin"}}};

}  // namespace

TEST_CASE("a profile says which firmware it wants") {
    CHECK(parse("")->firmware.mode == FirmwareSpec::Mode::all);
    CHECK(spec_of("needed").mode == FirmwareSpec::Mode::needed);
    CHECK(spec_of("none").mode == FirmwareSpec::Mode::none);
    FirmwareSpec list = spec_of("[a/*, b.bin]");
    CHECK(list.mode == FirmwareSpec::Mode::matching);
    REQUIRE(list.patterns.size() == 2);
    CHECK(list.patterns[0] == std::pair<std::string, std::string>("a/*", "p.yaml:3"));
    for (const auto& [value, error] : std::vector<std::pair<std::string, std::string>>{
             {"some", "p.yaml:3: unknown choice of firmware \"some\""},
             {"[/lib/firmware/a]", "p.yaml:3: a pattern of firmware is relative to /lib/firmware"},
             {"[\"\"]", "p.yaml:3: a pattern of firmware"},
             {"{a: b}", "p.yaml:3: "}}) {
        auto profile = parse("firmware: " + value + "\n");
        INFO(value);
        REQUIRE_FALSE(profile);
        CHECK(profile.error().to_string().find(error) == 0);
    }
}

TEST_CASE("of a package's firmware the wanted files stay") {
    Tree package = tree_of({"lib/firmware/card/a.bin -> a-2.bin",
                            "lib/firmware/card/a-2.bin -> real/a", "lib/firmware/card/real/a",
                            "lib/firmware/card/b.bin.zst", "lib/firmware/card/other.bin",
                            "lib/firmware/old/x.bin", "lib/firmware/wild/one.fw.xz",
                            "usr/lib/firmware/disk.bin", "usr/share/other/file"});
    CHECK(files_of(*select_firmware(package, spec_of("all"), asked)) == files_of(package));
    CHECK(files_of(*select_firmware(package, spec_of("none"), asked)) ==
          std::vector<std::string>{"usr/share/other/file"});
    auto needed = select_firmware(package, spec_of("needed"), asked);
    REQUIRE(needed);
    CHECK(files_of(*needed) ==
          std::vector<std::string>{"lib/firmware/card/a-2.bin", "lib/firmware/card/a.bin",
                                   "lib/firmware/card/b.bin.zst", "lib/firmware/card/real/a",
                                   "lib/firmware/wild/one.fw.xz", "usr/lib/firmware/disk.bin",
                                   "usr/share/other/file"});
    CHECK(needed->find("lib/firmware/old") == nullptr);
    CHECK(files_of(*select_firmware(package, spec_of("[old/*]"), asked)) ==
          std::vector<std::string>{"lib/firmware/old/x.bin", "usr/share/other/file"});
}

TEST_CASE("firmware behind a symlink to a folder stays") {
    Tree package = tree_of(
        {"lib/firmware/card -> card-2", "lib/firmware/card-2/a.bin", "lib/firmware/card-2/z.bin"});
    auto needed = select_firmware(package, spec_of("needed"), asked);
    REQUIRE(needed);
    CHECK(files_of(*needed) ==
          std::vector<std::string>{"lib/firmware/card", "lib/firmware/card-2/a.bin"});
}

TEST_CASE("names and patterns are found by way of symlinks to folders") {
    Tree package = tree_of({"lib/firmware/card -> card-2", "lib/firmware/card-2/a.bin -> real",
                            "lib/firmware/card-2/real", "lib/firmware/card-2/loop -> .",
                            "lib/firmware/card-2/z.bin", "lib/firmware/wild -> card-2/deep",
                            "lib/firmware/card-2/deep/one.fw.xz", "lib/firmware/card-2/deep/two",
                            "lib/firmware/disk.bin -> ../../opt/of-another-package"});
    auto needed = select_firmware(package, spec_of("needed"), asked);
    REQUIRE(needed);
    CHECK(files_of(*needed) ==
          std::vector<std::string>{"lib/firmware/card", "lib/firmware/card-2/a.bin",
                                   "lib/firmware/card-2/deep/one.fw.xz", "lib/firmware/card-2/loop",
                                   "lib/firmware/card-2/real", "lib/firmware/disk.bin",
                                   "lib/firmware/wild"});
    MissingFirmware missing = missing_firmware(package, asked, {".xz"});
    CHECK(missing.missing == ModuleFirmware{{"card", {"card/b.bin"}}, {"disk", {"disk.bin"}}});
    CHECK(missing.unreadable.empty());
    CHECK(missing_firmware(*needed, asked, {".xz"}).missing == missing.missing);
    CHECK(missing_firmware(package, asked, {}).unreadable ==
          std::vector<std::string>{"wild/one.fw.xz"});
    CHECK(check_patterns(package, spec_of("[wild/t*, card/loop/z.bin]")));
    CHECK_FALSE(check_patterns(package, spec_of("[\"wild/y*\"]")));
    CHECK(files_of(*select_firmware(package, spec_of("none"), asked)).empty());
}

TEST_CASE("whether a package holds firmware") {
    CHECK(holds_firmware(tree_of({"usr/lib/firmware/card/a.bin"})));
    CHECK(holds_firmware(tree_of({"lib/firmware/a -> b"})));
    CHECK_FALSE(holds_firmware(tree_of({"usr/share/firmware/a", "lib/firmware-tool"})));
}

TEST_CASE("what makes a difference is in the key") {
    CHECK(firmware_key(spec_of("all"), asked).empty());
    std::set<std::string> keys;
    for (const char* value : {"needed", "none", "[a]", "[b]"})
        keys.insert(firmware_key(spec_of(value), asked));
    keys.insert(firmware_key(spec_of("needed"), {{"m", {"x"}}}));
    CHECK(keys.size() == 5);
    CHECK(firmware_key(spec_of("none"), asked) == firmware_key(spec_of("none"), {}));
}

TEST_CASE(
    "missing firmware is told by module, and compressed one counts where the kernel reads it") {
    Tree image = tree_of({"lib/firmware/card/a.bin", "lib/firmware/card/b.bin.zst",
                          "usr/lib/firmware/wild/1.fw", "lib/firmware/disk.bin -> gone"});
    MissingFirmware both = missing_firmware(image, asked, {".xz", ".zst"});
    CHECK(both.missing == ModuleFirmware{{"disk", {"disk.bin"}}});
    CHECK(both.unreadable.empty());
    MissingFirmware plain = missing_firmware(image, asked, {".xz"});
    CHECK(plain.missing == ModuleFirmware{{"card", {"card/b.bin"}}, {"disk", {"disk.bin"}}});
    CHECK(plain.unreadable == std::vector<std::string>{"card/b.bin.zst"});
    CHECK(firmware_warnings(plain) ==
          std::vector<std::string>{"modules of the image may ask for firmware that is not in it: "
                                   "card/b.bin (card), disk.bin (disk)",
                                   "the kernel does not read firmware that is compressed so: "
                                   "card/b.bin.zst"});
    CHECK(firmware_warnings({}).empty());
    MissingFirmware many;
    for (int i = 0; i < 6; ++i) many.missing["m"].push_back(std::to_string(i));
    CHECK(firmware_warnings(many).front().ends_with(", 4 (m) and 1 more"));
}

TEST_CASE("each pattern of a profile has to fit something") {
    Tree image = tree_of({"lib/firmware/a/b.bin.xz"});
    CHECK(check_patterns(image, spec_of("[a/*, a/b.bin]")));
    auto wrong = check_patterns(image, spec_of("[a/*, \"c?.bin\"]"));
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind() == ErrorKind::not_found);
    CHECK(wrong.error().to_string().find("p.yaml:3: no firmware in the image fits \"c?.bin\"") ==
          0);
}

TEST_CASE("a kernel's configuration says which compressed firmware it reads") {
    using Suffixes = std::set<std::string>;
    CHECK(firmware_suffixes("") == Suffixes{".xz", ".zst"});
    CHECK(firmware_suffixes("CONFIG_X=y\n").empty());
    CHECK(firmware_suffixes("# CONFIG_FW_LOADER_COMPRESS is not set\n").empty());
    CHECK(firmware_suffixes("CONFIG_FW_LOADER_COMPRESS=y\n") == Suffixes{".xz"});
    CHECK(
        firmware_suffixes("CONFIG_FW_LOADER_COMPRESS=y\n# CONFIG_FW_LOADER_COMPRESS_XZ is not set\n"
                          "CONFIG_FW_LOADER_COMPRESS_ZSTD=y\n") == Suffixes{".zst"});
    CHECK(firmware_suffixes("CONFIG_FW_LOADER_COMPRESS=y\nCONFIG_FW_LOADER_COMPRESS_XZ=y\n"
                            "CONFIG_FW_LOADER_COMPRESS_ZSTD=y\n") == Suffixes{".xz", ".zst"});
}
