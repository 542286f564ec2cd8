#include "builder/image/source_tree.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "builder/image/cpio_writer.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace fs = std::filesystem;

namespace {

struct Sources {
    TempDir folder = *TempDir::create();
    std::vector<std::string> warnings;

    Sources() { fs::create_directories(folder / "root/bin"); }
    TreeSpec spec(const std::string& source, const std::string& path = "") const {
        TreeSpec spec;
        spec.source = folder / source;
        spec.path = path;
        spec.where = "p.yaml:3";
        return spec;
    }
    void tar(const std::string& name, std::vector<std::string> words) const {
        std::vector<std::string> command = {"tar", "-C", (folder / "root").string(), "-cf",
                                            (folder / name).string()};
        command.insert(command.end(), words.begin(), words.end());
        auto done = run_command(command);
        REQUIRE(done);
        INFO(done->err);
        REQUIRE(done->exit_code == 0);
    }
    std::string failure(const TreeSpec& wanted, const SourceTreeLimits& limits = {}) {
        auto tree = source_tree(wanted, warnings, limits);
        REQUIRE_FALSE(tree);
        std::string text = tree.error().to_string();
        CHECK(text.find("p.yaml:3: " + wanted.source.string()) == 0);
        return text;
    }
};

}  // namespace

TEST_CASE("a folder's files come whatever the umask was") {
    Sources sources;
    spill(sources.folder / "root/bin/tool", "tool");
    spill(sources.folder / "root/text", "text");
    REQUIRE(::chmod((sources.folder / "root/bin/tool").c_str(), 0700) == 0);
    REQUIRE(::chmod((sources.folder / "root/text").c_str(), 0600) == 0);
    REQUIRE(::chmod((sources.folder / "root/bin").c_str(), 0700) == 0);
    fs::create_symlink("/bin/tool", sources.folder / "root/link");
    TreeSpec spec = sources.spec("root", "opt/x");
    auto tree = source_tree(spec, sources.warnings);
    if (!tree) FAIL(tree.error().to_string());
    CHECK(tree->find("opt/x/bin")->mode == 0755);
    CHECK(tree->find("opt/x/bin/tool")->mode == 0755);
    CHECK(tree->find("opt/x/text")->mode == 0644);
    CHECK(tree->find("opt/x/text")->uid == 0);
    CHECK(*tree->find("opt/x/text")->content.load() == "text");
    CHECK(tree->find("opt/x/link")->target == "/bin/tool");
    CHECK(tree->find("opt/x/text")->origin == "p.yaml:3");
    spec.owner = {7, 8};
    tree = source_tree(spec, sources.warnings);
    REQUIRE(tree);
    CHECK(tree->find("opt/x/text")->uid == 7);
    CHECK(tree->find("opt/x/bin")->gid == 8);
    CHECK(tree->find("opt")->uid == 0);  // not part of the source
    CHECK(sources.warnings.empty());
}

TEST_CASE("an archive's files keep their modes and owners, however it is compressed") {
    Sources sources;
    spill(sources.folder / "root/bin/tool", "tool");
    REQUIRE(::chmod((sources.folder / "root/bin/tool").c_str(), 04711) == 0);
    fs::create_hard_link(sources.folder / "root/bin/tool", sources.folder / "root/bin/twin");
    for (const char* flag : {"--no-same-owner", "-z", "-J", "--zstd"}) {
        INFO(flag);
        sources.tar("a.tar", {"--owner=5", "--group=6", "--numeric-owner", flag, "."});
        auto tree = source_tree(sources.spec("a.tar"), sources.warnings);
        if (!tree) FAIL(tree.error().to_string());
        CHECK(tree->find("bin/tool")->mode == 04711);
        CHECK(tree->find("bin/tool")->uid == 5);
        CHECK(tree->find("bin/tool")->gid == 6);
        CHECK(*tree->find("bin/twin")->content.load() == "tool");
    }
    CHECK(sources.warnings.empty());
}

TEST_CASE("what leads out of the root, or is no file, is refused with its path") {
    Sources sources;
    fs::create_symlink("../../etc/shadow", sources.folder / "root/bin/out");
    for (const char* source : {"root", "a.tar"}) {
        sources.tar("a.tar", {"."});
        CHECK(sources.failure(sources.spec(source))
                  .find("the symlink \"bin/out\" from p.yaml:3 to \"../../etc/shadow\" leads out "
                        "of the root") != std::string::npos);
        // Deeper in the image the same link stays inside.
        CHECK(source_tree(sources.spec(source, "opt"), sources.warnings));
    }
    fs::remove(sources.folder / "root/bin/out");
    spill(sources.folder / "root/f", "x");
    sources.tar("a.tar", {"--transform=s,^f$,../f,", "-P", "f"});
    CHECK(sources.failure(sources.spec("a.tar")).find("..") != std::string::npos);
    spill(sources.folder / "root/new\nline", "x");
    CHECK(sources.failure(sources.spec("root")).find("control character") != std::string::npos);
    sources.tar("a.tar", {"."});
    CHECK(sources.failure(sources.spec("a.tar")).find("control character") != std::string::npos);
    fs::remove(sources.folder / "root/new\nline");
    REQUIRE(::mkfifo((sources.folder / "root/pipe").c_str(), 0600) == 0);
    CHECK(sources.failure(sources.spec("root")).find("\"pipe\" is neither a file") !=
          std::string::npos);
    sources.tar("a.tar", {"."});
    CHECK(sources.failure(sources.spec("a.tar")).find("\"pipe\" is a kind of file") !=
          std::string::npos);
    spill(sources.folder / "b.tar", "no archive at all");
    CHECK(sources.failure(sources.spec("b.tar")).find("not a usable tar archive") !=
          std::string::npos);
    CHECK(sources.failure(sources.spec("none")).find("No such file") != std::string::npos);
}

TEST_CASE("links and their targets are judged from where they are") {
    CHECK_FALSE(leaves_root("a/b/c", "../../x"));
    CHECK(leaves_root("a/b/c", "../../../x"));
    CHECK_FALSE(leaves_root("a", "b/../c"));
    CHECK(leaves_root("a", ".."));
    CHECK(leaves_root("a", "/../x"));
    CHECK_FALSE(leaves_root("a/b", "/x/../y"));
}

TEST_CASE("limits of a tree hold at the limit and not above it") {
    Sources sources;
    spill(sources.folder / "root/four", "1234");
    sources.tar("a.tar", {"bin", "four"});
    SourceTreeLimits limits;
    limits.entries = 2;
    limits.file_size = 4;
    limits.unpacked_size = 4;
    limits.archive_size = fs::file_size(sources.folder / "a.tar");
    CHECK(source_tree(sources.spec("a.tar"), sources.warnings, limits));
    CHECK(source_tree(sources.spec("root"), sources.warnings, limits));
    for (std::uint64_t SourceTreeLimits::*limit :
         {&SourceTreeLimits::entries, &SourceTreeLimits::file_size,
          &SourceTreeLimits::unpacked_size, &SourceTreeLimits::archive_size}) {
        SourceTreeLimits lower = limits;
        --(lower.*limit);
        CHECK(sources.failure(sources.spec("a.tar"), lower).find(" more than ") !=
              std::string::npos);
    }
    limits.entries = 1;
    CHECK(sources.failure(sources.spec("root"), limits).find("more than 1 entries") !=
          std::string::npos);
}

TEST_CASE("attributes that an initramfs cannot carry are warned of") {
    Sources sources;
    spill(sources.folder / "root/bin/ping", "ping");
    std::string file = (sources.folder / "root/bin/ping").string();
    // A file system without attributes is no failure of ours, but then this shows nothing.
    REQUIRE(::setxattr(file.c_str(), "user.note", "x", 1, 0) == 0);
    sources.tar("a.tar", {"--xattrs", "."});
    for (const char* source : {"root", "a.tar"}) {
        INFO(source);
        sources.warnings.clear();
        REQUIRE(source_tree(sources.spec(source), sources.warnings));
        REQUIRE(sources.warnings.size() == 1);
        CHECK(sources.warnings[0] ==
              "p.yaml:3: \"bin/ping\" loses its attribute user.note: an initramfs cannot carry it");
    }
}

TEST_CASE("a hundred thousand files, and a file of 4 GiB that does not fit") {
    Sources sources;
    Tree tree;
    for (int i = 0; i < 100'000; ++i) {
        auto number = std::to_string(i);
        REQUIRE(tree.add("d" + number.substr(0, 2) + "/" + number,
                         Entry::file(FileContent::bytes(number), "a test")));
    }
    std::uint64_t bytes = 0;
    REQUIRE(write_cpio(tree.entries(), 0, "", [&](std::string_view piece) {
        bytes += piece.size();
        return Status();
    }));
    CHECK(bytes > 100'000 * 116);
    spill(sources.folder / "root/large", "");
    fs::resize_file(sources.folder / "root/large", largest_cpio_file + 1);  // takes no room
    auto large = source_tree(sources.spec("root"), sources.warnings);
    REQUIRE(large);
    auto status = write_cpio(large->entries(), 0, "", [](std::string_view) { return Status(); });
    REQUIRE_FALSE(status);
    CHECK(status.error().message() ==
          "/large from p.yaml:3 has 4294967296 bytes; an initramfs takes files below 4 GiB");
}
