#include "builder/linking/elf_dynamic.hpp"

#include "builder/kernel/elf.hpp"
#include "lib/base/file.hpp"
#include "tests/unit/linking/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

constexpr std::uint64_t needed = 1;
constexpr std::uint64_t soname = 14;
constexpr std::uint64_t runpath = 29;

ElfDynamic dynamic_of(const std::string& file) {
    auto dynamic = read_elf_dynamic(file);
    if (!dynamic) FAIL(dynamic.error().to_string());
    REQUIRE(*dynamic);
    return **dynamic;
}

}  // namespace

TEST_CASE("the dynamic section of what a linker writes is read") {
    Root root;
    root.library("libone.so.1");
    root.library("libtwo.so.2", {"libone.so.1"}, {"-Wl,-rpath,/a", "-Wl,--disable-new-dtags"});
    root.program("app", {"libone.so.1", "libtwo.so.2"},
                 {"-Wl,-rpath,/a:/b", "-Wl,-z,nodefaultlib"});
    auto app = read_file(root.path() / "app");
    auto two = read_file(root.path() / "libtwo.so.2");
    REQUIRE((app && two));
    ElfDynamic program = dynamic_of(*app);
    CHECK(program.machine == elf_machine_x86_64);
    CHECK(program.interpreter == "/lib64/ld-linux-x86-64.so.2");
    CHECK(program.needed == std::vector<std::string>{"libone.so.1", "libtwo.so.2", "libc.so.6"});
    CHECK(program.runpath == "/a:/b");
    CHECK(program.no_default_folders);
    CHECK(program.name.empty());
    ElfDynamic library = dynamic_of(*two);
    CHECK(library.name == "libtwo.so.2");
    CHECK(library.interpreter.empty());
    CHECK(library.rpath == "/a");
    CHECK(library.runpath.empty());
    CHECK_FALSE(library.no_default_folders);
    // Cut short anywhere it is an error or, behind what is looked at, the same.
    for (std::size_t size = 0; size < app->size(); size += 97) {
        auto cut = read_elf_dynamic(std::string_view(*app).substr(0, size));
        if (cut && *cut) CHECK(**cut == program);
    }
    CHECK_FALSE(read_elf_dynamic(std::string_view(*app).substr(0, 63)));
}

TEST_CASE("static programs and object files ask for nothing") {
    Root root;
    root.program("static", {}, {"-static"});
    root.program("pie", {}, {"-static-pie"});
    root.program("object.o", {}, {"-c"});
    auto statically = read_elf_dynamic(*read_file(root.path() / "static"));
    REQUIRE(statically);
    CHECK_FALSE(*statically);
    ElfDynamic pie = dynamic_of(*read_file(root.path() / "pie"));
    CHECK(pie.interpreter.empty());
    CHECK(pie.needed.empty());
    auto object = read_elf_dynamic(*read_file(root.path() / "object.o"));
    REQUIRE(object);
    CHECK_FALSE(*object);
}

TEST_CASE("the number and the length of names have limits") {
    std::vector<DynamicEntry> entries(most_needed, {needed, "libx.so"});
    CHECK(dynamic_of(make_dynamic(entries)).needed.size() == most_needed);
    entries.push_back({needed, "libx.so"});
    auto more = read_elf_dynamic(make_dynamic(entries));
    REQUIRE_FALSE(more);
    CHECK(more.error().kind() == ErrorKind::limit);
    CHECK(
        dynamic_of(make_dynamic({{runpath, std::string(longest_link_text, 'x')}})).runpath.size() ==
        longest_link_text);
    auto longer =
        read_elf_dynamic(make_dynamic({{runpath, std::string(longest_link_text + 1, 'x')}}));
    REQUIRE_FALSE(longer);
    CHECK(longer.error().kind() == ErrorKind::limit);
}

TEST_CASE("names that would spoil a message are refused") {
    CHECK(dynamic_of(make_dynamic({{soname, "libx.so"}})).name == "libx.so");
    for (const char* name : {"a\nb", "a\x1b[31m", "a\xff"}) {
        auto dynamic = read_elf_dynamic(make_dynamic({{needed, name}}));
        REQUIRE_FALSE(dynamic);
        CHECK(dynamic.error().kind() == ErrorKind::invalid_input);
    }
}
