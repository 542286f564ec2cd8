#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "images/kexec/boot_plan.hpp"
#include "images/kexec/load.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::images;
using namespace osiekit::images::kexec;
using Catch::Matchers::Contains;

namespace {

const std::filesystem::path debian =
    std::filesystem::path(OSIEKIT_SOURCE_DIR) / "tests/fuzz/images/corpus/grub/debian.cfg";

std::string debian_config(const std::string& replaced = {}) {
    std::string text = read_file(debian).value();
    std::string wanted = "set default=\"0\"";
    if (!replaced.empty()) text.replace(text.find(wanted), wanted.size(), replaced);
    return text;
}

std::string kernel_of(const std::string& config) {
    auto entry = default_entry(config);
    return entry ? entry->kernel : entry.error().to_string();
}

}  // namespace

TEST_CASE("the default entry of a Debian's GRUB configuration") {
    auto entry = default_entry(debian_config()).value();
    CHECK(entry.title == "Debian GNU/Linux");
    CHECK(entry.kernel == "/boot/vmlinuz-6.1.0-9-amd64");
    CHECK(entry.initrds ==
          std::vector<std::string>{"/boot/intel-ucode.img", "/boot/initrd.img-6.1.0-9-amd64"});
    CHECK(entry.arguments == "root=UUID=1234 ro quiet ");
    auto other = default_entry(debian_config("set default='1>0'")).value();
    CHECK(other.kernel == "/boot/vmlinuz-6.1.0-7-amd64");
    CHECK(other.initrds == std::vector<std::string>{"/boot/initrd.img-6.1.0-7-amd64"});
    CHECK(other.arguments == "root=UUID=1234 ro single a \"quoted\" word");
    for (const char* name :
         {"gnulinux-6.1.0-7",
          "Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-7-amd64"})
        CHECK(kernel_of(debian_config("set default='" + std::string(name) + "'")) ==
              "/boot/vmlinuz-6.1.0-7-amd64");
    CHECK(kernel_of(debian_config("set default='1>1'")) == "/boot/memtest");
    CHECK(kernel_of(debian_config("set default=gone")) == "/boot/vmlinuz-6.1.0-9-amd64");
    CHECK(kernel_of(debian_config("set default=")) == "/boot/vmlinuz-6.1.0-9-amd64");
}

TEST_CASE("GRUB's quoting and variables") {
    CHECK(kernel_of("set k=/a\\ b; menuentry 'x' {\nlinux \"$k\"'$k'${k}c\n}") == "/a b$k/a bc");
    CHECK(kernel_of("menuentry x { linux \\\n /k }") == "/k");
    CHECK(kernel_of("menuentry x {\nlinux /k#no comment\n}") == "/k#no");
    CHECK(kernel_of("menuentry e {\n}\nmenuentry x {\n linuxefi (hd0)/k\n}") == "/k");
    for (const char* config : {"", "menuentry x {\n}", "linux /outside",
                               "menuentry 'x {\nlinux /k\n}", "menuentry \"x {\nlinux /k\n}"})
        CHECK_FALSE(default_entry(config));
}

TEST_CASE("limits of GRUB's configuration") {
    std::string good = "menuentry x {\nlinux /k\n}\n";
    std::string comment = "#" + std::string(max_grub_config_bytes - good.size() - 2, 'x') + "\n";
    CHECK(kernel_of(good + comment) == "/k");
    CHECK_THAT(kernel_of(good + comment + "\n"), Contains("larger than 1.0 MiB"));
    std::string statement = "echo " + std::string(max_grub_statement_bytes - 4, 'x');
    CHECK(kernel_of(statement + "\n" + good) == "/k");
    CHECK_THAT(kernel_of(statement + "x\n" + good), Contains("a statement is longer than 8192"));
    std::string entries;
    for (std::size_t i = 0; i < max_grub_entries; ++i) entries += good;
    CHECK(kernel_of(entries) == "/k");
    CHECK_THAT(kernel_of(entries + good), Contains("more than 500 entries"));
    auto nested = [&](std::size_t depth) {
        std::string text;
        for (std::size_t i = 0; i < depth; ++i) text += "submenu m {\n";
        return text + good;
    };
    CHECK(kernel_of(nested(max_grub_depth - 1)) == "/k");
    CHECK_THAT(kernel_of(nested(max_grub_depth)), Contains("more than 16 braces"));
    auto initrds = [](std::size_t count) {
        std::string text = "menuentry x {\nlinux /k\ninitrd";
        for (std::size_t i = 0; i < count; ++i) text += " /i";
        return text + "\n}\n";
    };
    CHECK(kernel_of(initrds(max_grub_initrds)) == "/k");
    CHECK_THAT(kernel_of(initrds(max_grub_initrds + 1)), Contains("more than 32 initrds"));
    // Text that grows with each use is stopped.
    std::string growing = "set v=" + std::string(4000, 'x') + "\n";
    for (int i = 0; i < 300; ++i) growing += "set v" + std::to_string(i) + "=$v\n";
    CHECK_THAT(kernel_of(growing + good), Contains("variables take more than 1.0 MiB"));
}

TEST_CASE("what the variables say, and what they leave to GRUB") {
    auto with = [](Environment::Values values) { return read_settings(Environment(values)); };
    CHECK_THAT(with({}).error().to_string(), Contains("BLOCK_DEVICE"));
    CHECK_THAT(with({{"BLOCK_DEVICE", "/dev/sda1"}}).error().to_string(), Contains("FS_TYPE"));
    CHECK_THAT(with({{"BLOCK_DEVICE", "/dev/sda1"}, {"FS_TYPE", "ext4"}, {"INITRD_PATH", "/i"}})
                   .error()
                   .to_string(),
               Contains("no KERNEL_PATH"));
    TempDir dir = TempDir::create().value();
    std::filesystem::create_directories(dir / "boot/grub");
    std::filesystem::copy_file(debian, dir / "boot/grub/grub.cfg");
    Fd root = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
    Environment::Values disk = {{"BLOCK_DEVICE", "/dev/sda1"}, {"FS_TYPE", "ext4"}};
    CHECK(plan_boot(with(disk).value(), root.get())->kernel == "/boot/vmlinuz-6.1.0-9-amd64");
    disk["CMD_LINE"] = "single";
    CHECK(plan_boot(with(disk).value(), root.get())->arguments == "single");
    disk["GRUBCFG_PATH"] = "/grub.cfg";
    CHECK_THAT(plan_boot(with(disk).value(), root.get()).error().to_string(),
               Contains("opening /grub.cfg on the disk"));
    disk["KERNEL_PATH"] = "/k";
    disk["INITRD_PATH"] = "/i";
    auto entry = plan_boot(with(disk).value(), root.get()).value();
    CHECK((entry.kernel == "/k" && entry.arguments == "single"));
    CHECK(entry.initrds == std::vector<std::string>{"/i"});
}

TEST_CASE("several initrds are one after another; links stay below the root") {
    TempDir dir = TempDir::create().value();
    REQUIRE(write_file(dir / "a", "first"));
    REQUIRE(write_file(dir / "b", "second"));
    std::filesystem::create_symlink("/b", dir / "link");
    std::filesystem::create_symlink("../../../etc/hostname", dir / "out");
    Fd root = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
    auto text = [&](const std::vector<std::string>& paths) {
        Fd file = open_initrds(root.get(), paths).value();
        return read_all(file.get()).value();
    };
    CHECK(text({"/a", "link"}) == "firstsecond");
    CHECK(text({"/a"}) == "first");
    CHECK_FALSE(open_initrds(root.get(), {"/out"}));
    CHECK_FALSE(open_initrds(root.get(), {"/a", "/missing"}));
    CHECK_FALSE(load_kernel(root.get(), {"", "/missing", {}, ""}));
}

TEST_CASE("the wish to start the kernel is left where the agent looks") {
    TempDir dir = TempDir::create().value();
    REQUIRE(start_kernel(dir.path()));
    CHECK(std::filesystem::exists(dir / "kexec"));
}
