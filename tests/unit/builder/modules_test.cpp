#include "builder/kernel/elf.hpp"
#include "builder/kernel/modinfo.hpp"
#include "builder/kernel/module_file.hpp"
#include "builder/kernel/module_set.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

KernelModule module(const std::string& path, const std::vector<std::string>& fields) {
    KernelModule made;
    made.path = path;
    auto info = read_modinfo(make_module(module_name_of_path(path), fields));
    REQUIRE(info);
    made.info = *info;
    return made;
}

ModuleIndex index() {
    return ModuleIndex(
        {module("kernel/net/top.ko", {"depends=mid-dle,low", "softdep=pre: side post: late-one"}),
         module("kernel/net/mid-dle.ko", {"depends=low,crc16", "alias=pci:v1*", "alias=two words"}),
         module("kernel/net/low.ko", {"depends="}),
         module("kernel/crypto/side_impl.ko", {"alias=side", "softdep=pre: absent"}),
         module("kernel/net/late_one.ko", {}), module("kernel/net/unused.ko", {})},
        "kernel/lib/crc16.ko\nkernel/fs/ext4/ext4.ko\n",
        "kernel/net/low.ko\nkernel/net/mid-dle.ko\nkernel/net/top.ko\n");
}

std::vector<std::string> names(const ModuleSelection& selection) {
    std::vector<std::string> list;
    for (const KernelModule* module : selection.modules) list.push_back(module->info.name);
    return list;
}

}  // namespace

TEST_CASE("the section of a module is found and read") {
    auto info = read_modinfo(make_module(
        "my_module",
        {"depends=a-b,c", "alias=pci:v1d2*", "alias=my-alias", "softdep=pre: x", "firmware=f/w.bin",
         "vermagic=6.1 SMP ", "parmtype=a:int", "nonsense", "alias=two\nlines"}));
    REQUIRE(info);
    CHECK(info->name == "my_module");
    CHECK(info->depends == std::vector<std::string>{"a_b", "c"});
    CHECK(info->aliases == std::vector<std::string>{"pci:v1d2*", "my-alias"});
    CHECK(info->softdeps == std::vector<std::string>{"pre: x"});
    CHECK(info->firmware == std::vector<std::string>{"f/w.bin"});
    CHECK(info->vermagic == "6.1 SMP");
}

TEST_CASE("values of a module have a limit") {
    std::string key = "alias=";
    CHECK(parse_modinfo(key + std::string(longest_modinfo_value - key.size(), 'a')));
    auto over = parse_modinfo(key + std::string(longest_modinfo_value - key.size() + 1, 'a'));
    REQUIRE_FALSE(over);
    CHECK(over.error().kind() == ErrorKind::limit);
}

TEST_CASE("broken ELF files are refused") {
    std::string good = make_module("m", {"alias=x"});
    CHECK(elf_section(good, ".text"));
    CHECK_FALSE(elf_section(good, ".none"));
    CHECK_FALSE(elf_section("", ".text"));
    CHECK_FALSE(
        elf_section("\x7f"
                    "ELF",
                    ".text"));
    for (std::size_t size = 0; size < good.size(); size += 5)
        CHECK_FALSE(read_modinfo(good.substr(0, size)));
    std::string class32 = good;
    class32[4] = 1;
    auto refused = read_elf_header(class32);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ErrorKind::unsupported);
    std::string far = good;
    far.replace(40, 8, 8, '\xff');  // table of sections at 2^64-1
    CHECK_FALSE(elf_section(far, ".text"));
    std::string small = good;
    small[58] = 8;  // section headers of 8 bytes
    CHECK_FALSE(elf_section(small, ".text"));
}

TEST_CASE("interpreters are found") {
    CHECK(elf_interpreter(make_program()).value().empty());
    CHECK(elf_interpreter(make_program("/lib64/ld.so")).value() == "/lib64/ld.so");
    std::string cut = make_program("/lib64/ld.so");
    cut.resize(cut.size() - 5);
    CHECK_FALSE(elf_interpreter(cut));
    CHECK(elf_interpreter(make_program(std::string(4095, 'a'))));
    CHECK_FALSE(elf_interpreter(make_program(std::string(4096, 'a'))));
}

TEST_CASE("module names come from paths") {
    CHECK(module_name_of_path("kernel/a/virtio-net.ko") == "virtio_net");
    CHECK(module_name_of_path("x.ko.xz") == "x");
    CHECK(module_name_of_path("modules.dep").empty());
    CHECK(module_name_of_path("kernel/.ko").empty());
    CHECK(softdep_names("pre: a  b post: c") == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("compressed modules are unpacked") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    std::string plain = make_module("m", {"alias=x"});
    spill(*folder / "m.ko", plain);
    auto packed = run_command({"xz", "--check=crc32", "-c", (*folder / "m.ko").string()});
    REQUIRE(packed);
    REQUIRE(packed->exit_code == 0);
    CHECK(plain_module("m.ko", std::string(plain)).value() == plain);
    CHECK(plain_module("m.ko.xz", std::string(packed->out)).value() == plain);
    CHECK(plain_module("m.ko.xz", std::string(packed->out), plain.size()));
    auto over = plain_module("m.ko.xz", std::string(packed->out), plain.size() - 1);
    REQUIRE_FALSE(over);
    CHECK(over.error().kind() == ErrorKind::limit);
    CHECK_FALSE(plain_module("m.ko", std::string(plain), plain.size() - 1));
    CHECK_FALSE(plain_module("m.ko.xz", packed->out.substr(0, packed->out.size() / 2)));
}

TEST_CASE("the closure follows dependencies, soft ones and aliases") {
    ModuleIndex all = index();
    auto selection = select_modules(all, {"top", "ext4"});
    REQUIRE(selection);
    CHECK(names(*selection) ==
          std::vector<std::string>{"low", "mid_dle", "top", "side_impl", "late_one"});
    CHECK(selection->builtin == std::vector<std::string>{"ext4"});
    auto dashed = select_modules(all, {"mid-dle"});
    REQUIRE(dashed);
    CHECK(names(*dashed) == std::vector<std::string>{"low", "mid_dle"});
}

TEST_CASE("a module that is not there is an error with a suggestion") {
    ModuleIndex all = index();
    auto missing = select_modules(all, {"mid_dlee"});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().to_string() ==
          "this kernel has no module \"mid_dlee\" (hint: did you mean \"mid_dle\"?)");
    ModuleIndex broken({module("kernel/a.ko", {"depends=gone"})}, "", "");
    auto lacking = select_modules(broken, {"a"});
    REQUIRE_FALSE(lacking);
    CHECK(lacking.error().message() ==
          "the module a depends on gone, which the kernel package lacks");
}

TEST_CASE("the index files list the selected modules only") {
    ModuleIndex all = index();
    auto selection = select_modules(all, {"top"});
    REQUIRE(selection);
    auto files = module_files(all, *selection);
    REQUIRE(files);
    CHECK(files->dep ==
          "kernel/net/low.ko:\n"
          "kernel/net/mid-dle.ko: kernel/net/low.ko\n"
          "kernel/net/top.ko: kernel/net/mid-dle.ko kernel/net/low.ko\n"
          "kernel/crypto/side_impl.ko:\n"
          "kernel/net/late_one.ko:\n");
    CHECK(files->alias ==
          "# Aliases extracted from modules themselves.\n"
          "alias pci:v1* mid_dle\n"
          "alias side side_impl\n");
    CHECK(files->softdep.find("softdep top pre: side post: late-one\n") != std::string::npos);
    CHECK(files->order.find("unused") == std::string::npos);
}

TEST_CASE("modules that depend on each other in a circle are refused") {
    ModuleIndex circle({module("kernel/a.ko", {"depends=b"}), module("kernel/b.ko", {"depends=a"})},
                       "", "");
    auto selection = select_modules(circle, {"a"});
    REQUIRE(selection);
    CHECK_FALSE(module_files(circle, *selection));
}
