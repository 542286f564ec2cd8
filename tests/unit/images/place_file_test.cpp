#include "images/writefile/place_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/images/tools.hpp"

using namespace osiekit;
using namespace osiekit::images::writefile;

namespace {

struct Tree {
    TempDir dir = TempDir::create().value();
    TempDir outside = TempDir::create().value();

    Status place(const std::string& path, const std::string& contents = "new\n") const {
        FileSpec file{path, contents, 12, 34, 0640, 0750};
        Fd root = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
        return place_file(root.get(), file);
    }
    std::string read(const std::string& path) const { return read_file(dir / path).value(); }
    struct stat status(const std::string& path) const {
        struct stat status {};
        REQUIRE(::lstat((dir / path).c_str(), &status) == 0);
        return status;
    }
};

}  // namespace

TEST_CASE("a file with owner and mode, its folders made") {
    Tree tree;
    REQUIRE(tree.place("/etc/deep/er/file"));
    CHECK(tree.read("etc/deep/er/file") == "new\n");
    auto file = tree.status("etc/deep/er/file");
    CHECK((file.st_mode & 07777U) == 0640);
    CHECK(file.st_uid == 12);
    CHECK(file.st_gid == 34);
    auto folder = tree.status("etc/deep");
    CHECK((folder.st_mode & 07777U) == 0750);
    CHECK(folder.st_uid == 12);
}

TEST_CASE("an existing file is replaced whole, existing folders stay as they are") {
    Tree tree;
    std::filesystem::create_directory(tree.dir / "etc");
    REQUIRE(::chmod((tree.dir / "etc").c_str(), 0711) == 0);
    REQUIRE(write_file(tree.dir / "etc/hostname", "a much longer old name\n"));
    std::filesystem::create_hard_link(tree.dir / "etc/hostname", tree.dir / "other-name");
    REQUIRE(tree.place("//etc/./hostname"));
    CHECK(tree.read("etc/hostname") == "new\n");
    CHECK(tree.read("other-name") == "a much longer old name\n");
    CHECK((tree.status("etc").st_mode & 07777U) == 0711);
    std::size_t names = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(tree.dir / "etc"))
        ++names;
    CHECK(names == 1);
}

TEST_CASE("links lead where the installed system would go, and nowhere else") {
    Tree tree;
    std::filesystem::create_directories(tree.dir / "run/resolvconf");
    std::filesystem::create_directories(tree.dir / "etc");
    std::filesystem::create_symlink("../run/resolvconf/resolv.conf", tree.dir / "etc/resolv.conf");
    REQUIRE(tree.place("/etc/resolv.conf"));
    CHECK(tree.read("run/resolvconf/resolv.conf") == "new\n");
    CHECK(std::filesystem::is_symlink(tree.dir / "etc/resolv.conf"));

    std::filesystem::create_symlink("/run", tree.dir / "var");
    REQUIRE(tree.place("/var/file"));
    CHECK(tree.read("run/file") == "new\n");

    std::filesystem::create_symlink(tree.outside.path(), tree.dir / "absolute");
    std::filesystem::create_symlink("../../../../.." + tree.outside.path().string(),
                                    tree.dir / "climb");
    std::filesystem::create_symlink(tree.outside.path() / "file", tree.dir / "file-link");
    for (const char* path : {"/absolute/file", "/climb/file", "/file-link", "/../../file"})
        static_cast<void>(tree.place(path).ok());
    CHECK(std::filesystem::is_empty(tree.outside.path()));
}

TEST_CASE("what is no file is left alone") {
    Tree tree;
    std::filesystem::create_directory(tree.dir / "folder");
    CHECK(!tree.place("/folder"));
    CHECK(!tree.place("/folder/.."));
    std::filesystem::create_symlink("loop", tree.dir / "loop");
    auto loop = tree.place("/loop");
    REQUIRE(!loop);
    CHECK(loop.error().to_string().find("too many symbolic links") != std::string::npos);
    REQUIRE(write_file(tree.dir / "plain", ""));
    CHECK(!tree.place("/plain/below"));
    CHECK(std::filesystem::is_empty(tree.dir / "folder"));
}
