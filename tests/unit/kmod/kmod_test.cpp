#include <catch2/catch.hpp>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/kmod/load_module.hpp"
#include "lib/kmod/module_index.hpp"
#include "lib/kmod/pattern.hpp"

using namespace osiekit;
using namespace osiekit::kmod;

namespace {

IndexTexts sample() {
    IndexTexts texts;
    texts.dep =
        "kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko "
        "kernel/net/core/failover.ko\n"
        "kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko\n"
        "kernel/net/core/failover.ko:\n"
        "kernel/fs/xfs/xfs.ko.zst: kernel/lib/libcrc32c.ko\n"
        "kernel/lib/libcrc32c.ko:\n"
        "kernel/arch/x86/crypto/crc32c-intel.ko:\n"
        "kernel/crypto/crc32c_generic.ko:\n"
        "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko:\n";
    texts.alias =
        "# Aliases extracted from modules themselves.\n"
        "alias virtio:d00000001v* virtio_net\n"
        "alias pci:v00008086d00001533sv*sd*bc*sc*i* igb\n"
        "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n"
        "alias crypto-crc32c crc32c_generic\n"
        "alias crypto-crc32c crc32c_intel\n"
        "alias dmi*:svn Maker Inc:* e1000e\n";
    texts.softdep =
        "# Soft dependencies\n"
        "softdep libcrc32c pre: crypto-crc32c\n"
        "softdep unknown_module pre: virtio_net\n"
        "softdep e1000e pre: missing post: failover\n";
    texts.builtin = "kernel/fs/ext4/ext4.ko\nkernel/drivers/char/hw-random/rng-core.ko\n";
    return texts;
}

std::vector<std::string> names(const std::vector<const Module*>& modules) {
    std::vector<std::string> result;
    result.reserve(modules.size());
    for (const Module* module : modules) result.push_back(module->name);
    return result;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("Alias patterns match like fnmatch") {
    CHECK(matches("virtio:d00000001v*", "virtio:d00000001v00001AF4"));
    CHECK_FALSE(matches("virtio:d00000001v*", "virtio:d00000002v00001AF4"));
    CHECK(matches("usb:v*p*d*dc*ic0[38]*", "usb:v1p2d3dc4ic08x"));
    CHECK_FALSE(matches("usb:v*p*d*dc*ic0[38]*", "usb:v1p2d3dc4ic07x"));
    CHECK(matches("a[0-9a-f]c", "aec"));
    CHECK_FALSE(matches("a[!0-9]c", "a5c"));
    CHECK(matches("a[!0-9]c", "axc"));
    CHECK(matches("a?c", "abc"));
    CHECK_FALSE(matches("a?c", "ac"));
    CHECK(matches("*", ""));
    CHECK(matches("", ""));
    CHECK_FALSE(matches("", "a"));
    CHECK(matches("a\\*", "a*"));
    CHECK_FALSE(matches("a\\*", "ab"));
    CHECK(matches("[", "["));
    CHECK(matches("[]]", "]"));
    CHECK(matches("[a-]", "-"));
    CHECK(matches("*a*b*c", "xaxbxbxc"));
    CHECK_FALSE(matches("*a*b*c", "xaxbxbx"));
    CHECK(literal_prefix("pci:v*") == "pci:v");
    CHECK(literal_prefix("plain") == "plain");
}

TEST_CASE("A long hostile pattern is matched in bounded time") {
    std::string pattern;
    for (int i = 0; i < 50; ++i) pattern += "*a";
    CHECK_FALSE(matches(pattern + "b", std::string(2000, 'a')));
}

TEST_CASE("Names are normalised") {
    CHECK(name_of_path("kernel/arch/x86/crypto/crc32c-intel.ko.xz") == "crc32c_intel");
    CHECK(name_of_path("virtio_net.ko") == "virtio_net");
    auto index = ModuleIndex::parse(sample());
    REQUIRE(index);
    CHECK(index->find("crc32c-intel") == index->find("crc32c_intel"));
    CHECK(index->find("crc32c-intel") != nullptr);
    CHECK(index->find("nothing") == nullptr);
    CHECK(index->is_builtin("rng_core"));
    CHECK(index->is_builtin("ext4"));
    CHECK_FALSE(index->is_builtin("xfs"));
    CHECK(index->size() == 8);
    CHECK(index->names().front() == "crc32c_generic");
}

TEST_CASE("Aliases and names resolve to modules that exist") {
    auto index = ModuleIndex::parse(sample());
    REQUIRE(index);
    CHECK(names(index->resolve("virtio:d00000001v00001AF4")) == Names{"virtio_net"});
    CHECK(names(index->resolve("virtio-net")) == Names{"virtio_net"});
    CHECK(names(index->resolve("crypto-crc32c")) == Names{"crc32c_generic", "crc32c_intel"});
    CHECK(names(index->resolve("dmi:bvn:svn Maker Inc:x")) == Names{"e1000e"});
    CHECK(index->resolve("pci:v00008086d00001533sv1sd1bc02sc00i00").empty());  // igb is not there
    CHECK(index->resolve("ext4").empty());
    CHECK(index->resolve("").empty());
}

TEST_CASE("Dependencies come first, soft ones too") {
    auto index = ModuleIndex::parse(sample());
    REQUIRE(index);
    CHECK(names(index->load_order(*index->find("virtio_net"))) ==
          Names{"failover", "net_failover", "virtio_net"});
    CHECK(names(index->load_order(*index->find("xfs"))) ==
          Names{"crc32c_generic", "crc32c_intel", "libcrc32c", "xfs"});
    CHECK(names(index->load_order(*index->find("e1000e"))) == Names{"e1000e", "failover"});
}

TEST_CASE("A circle of dependencies ends") {
    IndexTexts texts;
    texts.dep = "a.ko: b.ko\nb.ko: a.ko\n";
    auto index = ModuleIndex::parse(texts);
    REQUIRE(index);
    CHECK(names(index->load_order(*index->find("a"))) == Names{"b", "a"});
}

TEST_CASE("Wrong index files are refused with file and line") {
    IndexTexts texts = sample();
    texts.dep += "kernel/x.ko\n";
    CHECK(ModuleIndex::parse(texts).error().message() ==
          "modules.dep:9: no ':' behind the module's path");
    texts = sample();
    texts.dep += "../../evil.ko:\n";
    CHECK_FALSE(ModuleIndex::parse(texts));
    texts = sample();
    texts.dep += "/evil.ko:\n";
    CHECK_FALSE(ModuleIndex::parse(texts));
    texts = sample();
    texts.alias = "alias only\n";
    CHECK(ModuleIndex::parse(texts).error().message().find("modules.alias:1") == 0);
    texts = sample();
    texts.softdep = "soft x\n";
    CHECK_FALSE(ModuleIndex::parse(texts));
}

TEST_CASE("An index is loaded from a folder; only modules.dep is required") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    auto missing = ModuleIndex::load(folder->path());
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind() == ErrorKind::not_found);
    CHECK_FALSE(missing.error().hint().empty());
    REQUIRE(write_file(folder->path() / "modules.dep", sample().dep));
    auto index = ModuleIndex::load(folder->path());
    REQUIRE(index);
    ModuleIndex moved = std::move(*index);
    CHECK(moved.size() == 8);
    CHECK(moved.resolve("virtio:d00000001v00001AF4").empty());
    REQUIRE(write_file(folder->path() / "modules.alias", sample().alias));
    CHECK(ModuleIndex::load(folder->path())->resolve("virtio:d00000001v1").size() == 1);
}

TEST_CASE("Loading a file that is missing says which") {
    auto status = load_module("/nonexistent/x.ko", "");
    REQUIRE_FALSE(status);
    CHECK(status.error().kind() == ErrorKind::not_found);
    CHECK(is_compressed_module("a/b.ko.zst"));
    CHECK_FALSE(is_compressed_module("a/b.ko"));
}
