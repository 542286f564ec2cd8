#include "builder/linking/host_libraries.hpp"

#include "builder/image/cpio_writer.hpp"
#include "lib/base/file.hpp"
#include "tests/unit/linking/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

Profile profile_with(const std::vector<FileSpec>& files) {
    Profile profile;
    profile.architecture = "amd64";
    profile.files = files;
    return profile;
}

FileSpec host_file(const std::string& path, const std::filesystem::path& source) {
    FileSpec spec;
    spec.path = path;
    spec.source = source;
    spec.host_libraries = true;
    spec.mode = 0755;
    spec.where = "t.yaml:5";
    return spec;
}

// Into a root on disk: the file itself, then its libraries.
void place(Root& root, const FileSpec& spec, const Tree& libraries) {
    root.copy(*spec.source, spec.path);
    for (const auto& [path, entry] : libraries.entries()) {
        if (entry.type != EntryType::file) continue;
        auto content = entry.content.load();
        REQUIRE(content);
        root.text(path, *content);
        std::filesystem::permissions(root.path() / path, std::filesystem::perms(entry.mode));
    }
}

}  // namespace

TEST_CASE("a program of this machine runs elsewhere with the libraries that come along") {
    // Programs of Debian that need other libraries than the C library.
    for (const char* program : {"/usr/bin/ls", "/usr/bin/xz", "/usr/bin/curl"}) {
        INFO(program);
        FileSpec spec = host_file("opt/tool", program);
        auto libraries = host_libraries(profile_with({spec}));
        if (!libraries) FAIL(libraries.error().to_string());
        CHECK(libraries->size() > 2);
        auto tree = host_library_tree(*libraries, Tree());
        REQUIRE(tree);
        Root root;
        place(root, spec, *tree);
        LibraryReport report = root.check();
        CHECK(report.broken.empty());
        std::vector<std::string> command = in_root(root.path());
        command.insert(command.end(), {"/opt/tool", "--version"});
        CHECK_FALSE(output_of(command).empty());
    }
}

TEST_CASE("what lies beside a program stays beside it, and what the image has is not brought") {
    Root host;
    host.library("x/lib/libtwo.so.1");
    host.library("x/lib/libone.so.1", {"x/lib/libtwo.so.1"}, {"-Wl,-rpath,$ORIGIN"});
    host.program("x/bin/app", {"x/lib/libone.so.1"}, {"-Wl,-rpath,$ORIGIN/../lib"});
    FileSpec spec = host_file("opt/y/bin/app", host.path() / "x/bin/app");
    auto libraries = host_libraries(profile_with({spec}));
    if (!libraries) FAIL(libraries.error().to_string());
    std::vector<std::string> paths;
    for (const HostLibrary& library : *libraries) {
        paths.push_back(library.path);
        CHECK(library.where == "t.yaml:5");
    }
    CHECK(paths == std::vector<std::string>{"lib/x86_64-linux-gnu/libc.so.6",
                                            "lib64/ld-linux-x86-64.so.2", "opt/y/lib/libone.so.1",
                                            "opt/y/lib/libtwo.so.1"});
    Tree image;
    REQUIRE(image.add("usr/lib/x86_64-linux-gnu/libc.so.6",
                      Entry::file(FileContent::bytes("theirs"), "package libc6")));
    REQUIRE(image.add("lib", Entry::symlink("usr/lib", "package base")));
    REQUIRE(image.add("usr/lib64", Entry::directory("package base")));
    REQUIRE(image.add("lib64", Entry::symlink("usr/lib64", "package base")));
    auto tree = host_library_tree(*libraries, image);
    REQUIRE(tree);
    CHECK(tree->find("lib/x86_64-linux-gnu/libc.so.6") == nullptr);
    CHECK(tree->find("usr/lib/x86_64-linux-gnu/libc.so.6") == nullptr);
    CHECK(tree->find("usr/lib64/ld-linux-x86-64.so.2") != nullptr);
    Root root;
    tree = host_library_tree(*libraries, Tree());
    REQUIRE(tree);
    place(root, spec, *tree);
    CHECK(root.starts("opt/y/bin/app"));
}

TEST_CASE("a program that this machine could not start is refused with what it lacks") {
    Root host;
    host.library("x/libgone.so.1");
    host.program("x/app", {"x/libgone.so.1"});
    std::filesystem::remove(host.path() / "x/libgone.so.1");
    auto libraries = host_libraries(profile_with({host_file("app", host.path() / "x/app")}));
    REQUIRE_FALSE(libraries);
    std::string text = libraries.error().to_string();
    INFO(text);
    CHECK(text.find("t.yaml:5: this machine lacks libraries of ") == 0);
    CHECK(text.find("libgone.so.1, which ") != std::string::npos);
    CHECK(text.find("/usr/lib/x86_64-linux-gnu") != std::string::npos);
}

TEST_CASE("only ELF programs of the architecture have libraries to bring") {
    Root host;
    host.text("script", "#!/bin/sh\n");
    host.program("static", {}, {"-static"});
    auto none = host_libraries(profile_with({host_file("a", host.path() / "static")}));
    REQUIRE(none);
    CHECK(none->empty());
    auto script = host_libraries(profile_with({host_file("a", host.path() / "script")}));
    REQUIRE_FALSE(script);
    CHECK(script.error().to_string().find("is no ELF program") != std::string::npos);
    Profile other = profile_with({host_file("a", host.path() / "static")});
    other.architecture = "arm64";
    auto wrong = host_libraries(other);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().to_string().find("not for the architecture") != std::string::npos);
}
