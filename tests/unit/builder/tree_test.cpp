#include "builder/tree.hpp"

#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {
Entry text(const std::string& content, const std::string& origin = "a") {
    return Entry::file(FileContent::bytes(content), origin);
}
}  // namespace

TEST_CASE("a tree sorts its entries and adds missing parents") {
    Tree tree;
    REQUIRE(tree.add("/usr/bin/x", text("1")));
    REQUIRE(tree.add("usr/bin-x", text("2")));
    REQUIRE(tree.add("usr", Entry::directory("b", 0700)));
    std::vector<std::string> paths;
    for (const auto& [path, entry] : tree.entries()) paths.push_back(path);
    CHECK(paths == std::vector<std::string>{"usr", "usr/bin", "usr/bin-x", "usr/bin/x"});
    CHECK(tree.find("usr")->mode == 0700);
    CHECK_FALSE(tree.find("usr")->implied);
    CHECK(tree.find("usr/bin")->implied);
}

TEST_CASE("names that do not belong into an image are refused") {
    Tree tree;
    for (const std::string& path :
         {std::string(), std::string("/"), std::string("//a"), std::string("a//b"),
          std::string("a/"), std::string("./a"), std::string("a/../b"), std::string(".."),
          std::string("a\nb"), std::string("a\0b", 3), std::string("TRAILER!!!"),
          std::string(256, 'a')}) {
        INFO(path);
        CHECK_FALSE(tree.add(path, text("x")));
    }
    CHECK(tree.entries().empty());
    CHECK(tree.add(std::string(255, 'a'), text("x")));
    std::string longest;
    while (longest.size() < longest_path - 1) longest += "d/";
    longest.resize(longest_path, 'd');
    CHECK(tree.add(longest, text("x")));
    auto over = tree.add(longest + "d", text("x"));
    REQUIRE_FALSE(over);
    CHECK(over.error().kind() == ErrorKind::limit);
}

TEST_CASE("the same path from two origins must be the same thing") {
    Tree tree;
    REQUIRE(tree.add("etc/a", text("one", "package p")));
    CHECK(tree.add("etc/a", text("one", "package q")));
    auto other = tree.add("etc/a", text("two", "package q"));
    REQUIRE_FALSE(other);
    CHECK(other.error().message() == "/etc/a comes from package p and, different, from package q");
    auto type = tree.add("etc/a", Entry::directory("package q"));
    REQUIRE_FALSE(type);
    CHECK(type.error().message() ==
          "/etc/a is a file from package p and a directory from package q");
    Entry mode = text("one", "package q");
    mode.mode = 0600;
    CHECK_FALSE(tree.add("etc/a", mode));
    // What is in a cached segment cannot be compared.
    REQUIRE(tree.add("etc/b", Entry::file(FileContent::opaque(3), "package p")));
    CHECK_FALSE(tree.add("etc/b", text("one", "package q")));
}

TEST_CASE("a symlink that leaves the root is refused, whoever says it") {
    Tree tree;
    CHECK(tree.add("usr/bin/a", Entry::symlink("../../etc/a", "package a")));
    CHECK(tree.add("b", Entry::symlink("/../etc/../b", "package a")).error().kind() ==
          ErrorKind::refused);
    auto refused = tree.add("usr/c", Entry::symlink("../../etc/shadow", "p.yaml:7"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ErrorKind::refused);
    CHECK(refused.error().to_string() ==
          "the symlink \"usr/c\" from p.yaml:7 to \"../../etc/shadow\" leads out of the root");
    CHECK(tree.find("usr/c") == nullptr);
}

TEST_CASE("nothing is below something that is no directory") {
    Tree tree;
    REQUIRE(tree.add("lib", Entry::symlink("usr/lib", "package p")));
    auto below = tree.add("lib/x", text("x", "package q"));
    REQUIRE_FALSE(below);
    CHECK(below.error().message() ==
          "/lib/x from package q is below /lib, which is a symlink from package p");
}

TEST_CASE("symlinks are followed as the image would follow them") {
    Tree tree;
    REQUIRE(tree.add("usr/bin/sh", text("#!")));
    REQUIRE(tree.add("bin", Entry::symlink("usr/bin", "a")));
    REQUIRE(tree.add("etc/sh", Entry::symlink("/bin/sh", "a")));
    REQUIRE(tree.add("etc/up", Entry::symlink("../bin/../bin/sh", "a")));
    REQUIRE(tree.add("loop", Entry::symlink("loop", "a")));
    const Entry* shell = tree.find("usr/bin/sh");
    CHECK(tree.resolve("/bin/sh") == shell);
    CHECK(tree.resolve("/etc/sh") == shell);
    CHECK(tree.resolve("/etc/up") != nullptr);
    CHECK(tree.resolve("/loop") == nullptr);
    CHECK(tree.resolve("/bin/none") == nullptr);
    CHECK(tree.resolve("/usr/bin/sh/x") == nullptr);
}

TEST_CASE("content of a file of the build machine is read when it is wanted") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    spill(*folder / "f", "hello");
    auto content = FileContent::file(*folder / "f");
    REQUIRE(content);
    CHECK(content->size() == 5);
    auto bytes = content->load();
    REQUIRE(bytes);
    CHECK(*bytes == "hello");
    spill(*folder / "f", "he");
    CHECK_FALSE(content->load());
    CHECK_FALSE(FileContent::file(*folder / "none"));
    CHECK_FALSE(FileContent::file(folder->path()));
    CHECK_FALSE(FileContent::opaque(1).load());
}
