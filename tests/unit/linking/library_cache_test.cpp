#include "builder/linking/library_cache.hpp"

#include <unistd.h>

#include <algorithm>

#include "builder/kernel/elf.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/linking/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// "libone.so.1 (libc6,x86-64) => /opt/x/libone.so.1", sorted.
std::vector<std::string> listing(const std::filesystem::path& cache) {
    std::string text = output_of({"/sbin/ldconfig", "-p", "-C", cache.string()});
    std::vector<std::string> lines;
    for (std::string_view line : split(text, '\n'))
        if (line.find("=>") != std::string_view::npos) lines.emplace_back(trim(line));
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace

TEST_CASE("ldconfig reads the cache, and would have written the same and what nobody reaches") {
    Root root;
    root.add_glibc();
    root.text("etc/ld.so.conf", "/opt/x\n/opt/y\n");
    for (const char* path :
         {"opt/x/libone.so.1", "opt/y/libone.so.1", "opt/y/libtwo.so.22", "opt/y/libtwo.so.3",
          "usr/lib/x86_64-linux-gnu/libthree.so.1", "usr/lib/libfour.so"})
        root.library(path);
    // The file has a longer name than the one it is asked for by.
    root.library("opt/x/libfive.so.5");
    std::filesystem::rename(root.path() / "opt/x/libfive.so.5",
                            root.path() / "opt/x/libfive.so.5.1");
    root.link("opt/x/libfive.so.5", "libfive.so.5.1");
    root.link("opt/x/libfive.so", "libfive.so.5");
    root.text("opt/x/libtext.so.1", "no library");
    root.program("bin/app", {"opt/x/libfive.so.5"});
    std::string ours = root.check().cache;
    REQUIRE_FALSE(ours.empty());
    REQUIRE(write_file(root.path() / "ours", ours));
    // ldconfig of this machine, for the other root.
    std::filesystem::create_directories(root.path() / "var/cache/ldconfig");
    std::vector<std::string> command;
    if (::geteuid() != 0) command = {"unshare", "--map-root-user"};
    command.insert(command.end(), {"/sbin/ldconfig", "-r", root.path().string()});
    output_of(command);
    std::vector<std::string> lines = listing(root.path() / "ours");
    CHECK(lines.size() == 7);
    // A second library of one name, and the name that a linker takes.
    lines.emplace_back("libone.so.1 (libc6,x86-64) => /opt/y/libone.so.1");
    lines.emplace_back("libfive.so (libc6,x86-64) => /opt/x/libfive.so");
    std::sort(lines.begin(), lines.end());
    CHECK(lines == listing(root.path() / "etc/ld.so.cache"));
}

TEST_CASE("names are ordered by their numbers") {
    const std::vector<std::string> ascending = {
        "", "liba.so", "liba.so.2", "liba.so.10", "liba10.so", "libb.so.1", "libb.so.1.1"};
    for (std::size_t i = 0; i < ascending.size(); ++i)
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            INFO(ascending[i] << " " << ascending[j]);
            int found = compare_library_names(ascending[i], ascending[j]);
            CHECK((found > 0) == (i > j));
            CHECK((found < 0) == (i < j));
        }
}

TEST_CASE("a cache says of each name the first library") {
    std::string cache = library_cache(
        {{"libx.so.1", "/a/libx.so.1"}, {"libx.so.1", "/b/libx.so.1"}}, elf_machine_x86_64);
    CHECK(cache.find("/a/libx") != std::string::npos);
    CHECK(cache.find("/b/libx") == std::string::npos);
    CHECK(library_cache({}, elf_machine_aarch64).size() == 48);
}
