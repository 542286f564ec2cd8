#include "lib/oci/unpack.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/layer_writer.hpp"
#include "lib/oci/tree_at.hpp"
#include "tests/unit/kernel/without_call.hpp"
#include "tests/unit/oci/tar_builder.hpp"
#include "tests/unit/oci/unpack_sandbox.hpp"

using namespace osiekit;
using namespace osiekit::oci;
namespace fs = std::filesystem;

TEST_CASE("plain, gzip and zstd layers give the same tree and digest") {
    std::string tar = TarBuilder()
                          .directory("bin", 0711)
                          .file("bin/tool", "content", 04755, 7)
                          .symlink("bin/link", "/bin/tool")
                          .hard_link("bin/twin", "bin/tool")
                          .file("deep/er/file", "x")
                          .finish();
    for (const std::string& packed :
         {tar, gzip(tar), zstd(tar), gzip(tar.substr(0, 700)) + gzip(tar.substr(700))}) {
        Sandbox sandbox;
        auto layer = sandbox.unpack(packed).value();
        REQUIRE(layer.diff_id == Sha256::of(tar));
        REQUIRE(layer.entries == 5);
        struct stat tool = sandbox.look("bin/tool");
        REQUIRE((tool.st_mode & 07777U) == 04755);
        REQUIRE(tool.st_uid == 7);
        REQUIRE(tool.st_mtime == 1700000000);
        REQUIRE(tool.st_nlink == 2);
        REQUIRE((sandbox.look("bin").st_mode & 07777U) == 0711);
        REQUIRE(sandbox.look("bin").st_mtime == 1700000000);
        REQUIRE(fs::read_symlink(sandbox.root / "bin/link") == "/bin/tool");
        REQUIRE(read_file(sandbox.root / "deep/er/file").value() == "x");
    }
}

TEST_CASE("names upwards are refused, absolute ones stay inside") {
    Sandbox sandbox;
    for (const char* name : {"../outside/new", "a/../../outside/new", ".."})
        REQUIRE_FALSE(sandbox.unpack(TarBuilder().file(name, "evil").finish()));
    REQUIRE(
        sandbox.unpack(TarBuilder().file((sandbox.outside / "witness").string(), "evil").finish()));
    sandbox.require_outside_untouched();
}

TEST_CASE("writing, linking and hiding through links does not leave the root") {
    Sandbox sandbox;
    std::string out = sandbox.outside.string();
    for (const std::string& target : {out, std::string("../outside")}) {
        auto through = [&](TarBuilder& builder) {
            [[maybe_unused]] auto result = sandbox.unpack(builder.finish());
            sandbox.require_outside_untouched();
        };
        through(TarBuilder().symlink("l", target).file("l/witness", "evil").file("l/new", "evil"));
        through(TarBuilder().symlink("l", target).entry("l/.wh.witness", '0'));
        through(TarBuilder().symlink("l", target).entry("l/.wh..wh..opq", '0'));
        through(TarBuilder().symlink("l", target).hard_link("h", "l/witness").file("h", "evil"));
        through(TarBuilder().symlink("l", target).directory("l/witness"));
        through(TarBuilder().symlink("l", target + "/witness").file("l", "evil"));
        through(TarBuilder().symlink("l", target + "/witness").directory("l"));
        // The link takes the place of a directory that was already written to.
        through(TarBuilder()
                    .directory("d")
                    .file("d/a", "x")
                    .symlink("d", target)
                    .file("d/witness", "evil"));
    }
}

TEST_CASE("CVE-2014-9356, CVE-2014-6407: hard links out of the root and to nothing are refused") {
    Sandbox sandbox;
    REQUIRE_FALSE(sandbox.unpack(TarBuilder().hard_link("h", "../outside/witness").finish()));
    REQUIRE_FALSE(sandbox.unpack(
        TarBuilder().hard_link("h", (sandbox.outside / "witness").string()).finish()));
    REQUIRE_FALSE(sandbox.unpack(TarBuilder().hard_link("h", "h").finish()));
    sandbox.require_outside_untouched();
}

TEST_CASE("CVE-2021-29136: the root itself keeps its type") {
    Sandbox sandbox;
    REQUIRE_FALSE(sandbox.unpack(TarBuilder().symlink("./", "/").finish()));
    REQUIRE_FALSE(sandbox.unpack(TarBuilder().symlink("/.", sandbox.outside).finish()));
    REQUIRE_FALSE(sandbox.unpack(TarBuilder().file("", "x").finish()));
    REQUIRE(sandbox.unpack(TarBuilder().directory("./", 0700).finish()));
    REQUIRE((sandbox.look(".").st_mode & 07777U) == 0700);
}

TEST_CASE("whiteouts hide lower layers only, in any order") {
    Sandbox sandbox;
    REQUIRE(sandbox.unpack(TarBuilder()
                               .file("both", "mine")
                               .entry(".wh.both", '0')
                               .entry("d/.wh.gone", '0')
                               .entry(".wh.dir", '0')
                               .file("dir/new", "x")
                               .file("o/early", "x")
                               .entry("o/.wh..wh..opq", '0')
                               .file("o/late", "x")
                               .entry(".wh..wh.plnk", '5')
                               .finish()));
    REQUIRE(read_file(sandbox.root / "both").value() == "mine");
    REQUIRE(sandbox.is_whiteout("d/gone"));
    REQUIRE(sandbox.is_opaque("dir"));
    REQUIRE(sandbox.is_opaque("o"));
    REQUIRE_FALSE(sandbox.is_opaque("d"));
    REQUIRE(fs::exists(sandbox.root / "o/early"));
    REQUIRE(fs::exists(sandbox.root / "o/late"));
    REQUIRE_FALSE(fs::exists(sandbox.root / ".wh..wh.plnk"));
}

TEST_CASE("whiteouts below what is no directory any more hide nothing else") {
    Sandbox sandbox;
    REQUIRE(sandbox.unpack(TarBuilder()
                               .file("file", "was a directory")
                               .entry("file/.wh.below", '0')
                               .entry("file/.wh..wh..opq", '0')
                               .directory("kept")
                               .symlink("link", "kept")
                               .entry("link/.wh.below", '0')
                               .entry("link/.wh..wh..opq", '0')
                               .entry("link/deeper/.wh.below", '0')
                               .finish()));
    REQUIRE(read_file(sandbox.root / "file").value() == "was a directory");
    REQUIRE(fs::is_empty(sandbox.root / "kept"));
    REQUIRE_FALSE(sandbox.is_opaque("kept"));
    REQUIRE(fs::is_symlink(sandbox.root / "link"));
}

TEST_CASE("whiteouts of nothing, of the root's parent, and forged ones are refused") {
    for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh..."}) {
        Sandbox sandbox;
        REQUIRE_FALSE(sandbox.unpack(TarBuilder().entry(name, '0').finish()));
        sandbox.require_outside_untouched();
    }
    Sandbox sandbox;
    REQUIRE_FALSE(sandbox.unpack(TarBuilder().entry("forged", '3').finish()));
    REQUIRE(sandbox.unpack(
        TarBuilder().pax("SCHILY.xattr.trusted.overlay.opaque", "y").directory("o").finish()));
    REQUIRE_FALSE(sandbox.is_opaque("o"));
}

TEST_CASE("the last of two entries with one name wins; directories are merged") {
    Sandbox sandbox;
    REQUIRE(sandbox.unpack(TarBuilder()
                               .file("x", "first")
                               .hard_link("keep", "x")
                               .file("x", "second")
                               .directory("d")
                               .file("d/in", "x")
                               .directory("d", 0700)
                               .directory("y")
                               .file("y/in", "x")
                               .file("y", "now a file")
                               .finish()));
    REQUIRE(read_file(sandbox.root / "x").value() == "second");
    REQUIRE(read_file(sandbox.root / "keep").value() == "first");
    REQUIRE(fs::exists(sandbox.root / "d/in"));
    REQUIRE(read_file(sandbox.root / "y").value() == "now a file");
}

TEST_CASE("devices, FIFOs, attributes and names beyond ASCII") {
    Sandbox sandbox;
    auto unpacked =
        sandbox.unpack(TarBuilder()
                           .entry("null", '3', {}, {}, 0666, 0, 1, 3)
                           .entry("pipe", '6')
                           .pax("SCHILY.xattr.security.capability",
                                std::string("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20))
                           .file("capable", "x")
                           .pax("SCHILY.xattr.security.selinux", "label")
                           .file("labelled", "x")
                           .pax("path", "gr\xc3\xbc\xc3\x9f/\xe2\x82\xac")
                           .file("short", "euro")
                           .finish());
    INFO((unpacked ? std::string() : unpacked.error().to_string()));
    REQUIRE(unpacked);
    REQUIRE(sandbox.look("null").st_rdev == makedev(1, 3));
    REQUIRE(S_ISFIFO(sandbox.look("pipe").st_mode));
    REQUIRE(::lgetxattr((sandbox.root / "capable").c_str(), "security.capability", nullptr, 0) ==
            20);
    REQUIRE(read_file(sandbox.root / "gr\xc3\xbc\xc3\x9f/\xe2\x82\xac").value() == "euro");
    REQUIRE(::lgetxattr((sandbox.root / "labelled").c_str(), "security.selinux", nullptr, 0) < 0);
    REQUIRE_FALSE(keeps_xattr("security.selinux"));
    REQUIRE(keeps_xattr("security.capability"));
}

TEST_CASE("limits: at each of them, and one beyond") {
    Sandbox sandbox;
    std::string tar = TarBuilder().file("a", "x").file("b", "y").finish();
    REQUIRE(sandbox.unpack(tar, {tar.size(), 2}));
    auto bytes = sandbox.unpack(tar, {tar.size() - 1, 2});
    REQUIRE(bytes.error().kind() == ErrorKind::limit);
    REQUIRE(sandbox.unpack(tar, {tar.size(), 1}).error().kind() == ErrorKind::limit);
    std::string name(200, 'n');
    for (std::size_t size : {max_name_bytes, max_name_bytes + 1}) {
        std::string path;
        while (path.size() + 201 < size) path += name + "/";
        path.append(size - path.size(), 'e');
        REQUIRE(clean_name(path).ok() == (size == max_name_bytes));
    }
    for (std::size_t size : {max_xattr_bytes, max_xattr_bytes + 1}) {
        Fd fd = open_file(sandbox.root, O_RDONLY | O_DIRECTORY).value();
        LayerEntry entry;
        entry.name = "x";
        entry.xattrs.emplace_back("n", std::string(size - 1, 'v'));
        auto added = LayerWriter(fd.get()).add(entry);
        REQUIRE(added.ok() == (size == max_xattr_bytes));
    }
    REQUIRE(sandbox.unpack(TarBuilder().pax("path", std::string(300, 'n')).file("x", "x").finish())
                .error()
                .error_number() == ENAMETOOLONG);
}

TEST_CASE("a small archive of zeros stops at the budget") {
    Sandbox sandbox;
    std::string zeros = TarBuilder().file("zeros", std::string(64U << 20U, '\0')).finish();
    auto failed = sandbox.unpack(gzip(zeros), {1U << 20U, 10});
    REQUIRE(failed.error().kind() == ErrorKind::limit);
    REQUIRE(fs::file_size(sandbox.root / "zeros") <= 1U << 20U);
}

TEST_CASE("no budget at all lets nothing through, and the exact one everything") {
    std::string tar = TarBuilder().file("a", "x").finish();
    for (std::uint64_t bytes : {std::uint64_t{0}, tar.size() - 1, tar.size()}) {
        Sandbox sandbox;
        ByteBudget budget(bytes);
        UnpackLimits limits;
        limits.budget = &budget;
        auto unpacked = sandbox.unpack(tar, limits);
        REQUIRE(unpacked.ok() == (bytes == tar.size()));
        if (!unpacked) REQUIRE(unpacked.error().kind() == ErrorKind::limit);
    }
}

TEST_CASE("bytes behind the last gzip member are read, as the blob's digest covers them") {
    Sandbox sandbox;
    std::string tar = TarBuilder().file("a", "x").finish();
    std::string rest = gzip(tar) + std::string(5000, '\0');
    ByteSource source = [&]() -> Result<std::string_view> {
        static std::string piece;
        piece = rest.substr(0, 100);
        rest.erase(0, piece.size());
        return std::string_view(piece);
    };
    auto layer = sandbox.unpack_from(source);
    INFO((layer ? std::string() : layer.error().to_string()));
    REQUIRE(layer.value().diff_id == Sha256::of(tar));
    REQUIRE(rest.empty());
}

TEST_CASE("damaged and foreign bytes are errors") {
    Sandbox sandbox;
    std::string tar = TarBuilder().file("a", std::string(5000, 'x')).finish();
    REQUIRE_FALSE(sandbox.unpack(gzip(tar).substr(0, 40)));
    REQUIRE_FALSE(sandbox.unpack(zstd(tar).substr(0, 20)));
    REQUIRE_FALSE(sandbox.unpack(tar.substr(0, 2000)));
    REQUIRE_FALSE(sandbox.unpack("<html>not a layer</html>"));
}

TEST_CASE("the source's own error is what is told") {
    Sandbox sandbox;
    Fd fd = open_file(sandbox.root, O_RDONLY | O_DIRECTORY).value();
    ByteSource source = []() -> Result<std::string_view> {
        return Error(ErrorKind::network, "cable pulled");
    };
    auto failed = unpack_layer(source, fd.get(), {});
    REQUIRE(failed.error().message() == "cable pulled");
}

TEST_CASE("files of an image are read inside the root, and only files") {
    Sandbox sandbox;
    REQUIRE(sandbox.unpack(TarBuilder()
                               .file("etc/real", "inside")
                               .symlink("etc/absolute", "/etc/real")
                               .symlink("etc/out", sandbox.outside / "witness")
                               .entry("etc/fifo", '6')
                               .finish()));
    Fd fd = open_file(sandbox.root, O_PATH | O_DIRECTORY).value();
    REQUIRE(read_file_in_root(fd.get(), "etc/absolute", 100).value() == "inside");
    REQUIRE(read_file_in_root(fd.get(), "etc/out", 100).error().kind() == ErrorKind::not_found);
    REQUIRE_FALSE(read_file_in_root(fd.get(), "etc/fifo", 100));
    REQUIRE(read_file_in_root(fd.get(), "etc/real", 6));
    REQUIRE(read_file_in_root(fd.get(), "etc/real", 5).error().kind() == ErrorKind::limit);
}

TEST_CASE("without openat2 nothing is unpacked, and it is named") {
    Sandbox sandbox;
    std::string tar = TarBuilder().file("deep/er/file", "x").finish();
    auto refused = osiekit::test::without_call(SYS_openat2, [&] { return sandbox.unpack(tar); });
    REQUIRE_FALSE(refused);
    INFO(refused.error().to_string());
    REQUIRE(refused.error().kind() == ErrorKind::unsupported);
    REQUIRE(refused.error().to_string().find("lacks openat2 (Linux 5.6)") != std::string::npos);
    REQUIRE(fs::is_empty(sandbox.root));
    REQUIRE(sandbox.unpack(tar));
}
