// What check_libraries() says of a program is held against what the real loader does with it.
#include "builder/linking/loader.hpp"

#include <functional>

#include "lib/base/file.hpp"

#include "tests/unit/linking/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

constexpr const char* multiarch = "usr/lib/x86_64-linux-gnu/";

// Both the prediction and the program itself.
void expect(const Root& root, const std::string& program, bool starts) {
    LibraryReport report = root.check();
    INFO((report.broken.empty() ? "nothing is broken" : report.broken.front()));
    CHECK(report.broken.empty() == starts);
    CHECK(root.starts(program) == starts);
}

bool mentions(const std::vector<std::string>& list, const std::string& text) {
    for (const std::string& one : list)
        if (one.find(text) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("libraries are found where the program says, as glibc finds them") {
    struct Case {
        const char* name;
        std::function<void(Root&)> make;
        bool starts;
    };
    const std::vector<Case> cases = {
        {"a default folder",
         [](Root& root) {
             root.library(std::string(multiarch) + "libone.so.1");
             root.program("bin/app", {std::string(multiarch) + "libone.so.1"});
         },
         true},
        {"a folder that nobody searches",
         [](Root& root) {
             root.library("opt/x/libone.so.1");
             root.program("bin/app", {"opt/x/libone.so.1"});
         },
         false},
        {"RUNPATH",
         [](Root& root) {
             root.library("opt/x/libone.so.1");
             root.program("bin/app", {"opt/x/libone.so.1"}, {"-Wl,-rpath,/nowhere:/opt/x"});
         },
         true},
        {"RUNPATH is not for the libraries of a library",
         [](Root& root) {
             root.library("opt/x/libtwo.so.1");
             root.library("opt/x/libone.so.1", {"opt/x/libtwo.so.1"});
             root.program("bin/app", {"opt/x/libone.so.1"},
                          {"-Wl,-rpath,/opt/x", "-Wl,--enable-new-dtags"});
         },
         false},
        {"RPATH is",
         [](Root& root) {
             root.library("opt/x/libtwo.so.1");
             root.library("opt/x/libone.so.1", {"opt/x/libtwo.so.1"});
             root.program("bin/app", {"opt/x/libone.so.1"},
                          {"-Wl,-rpath,/opt/x", "-Wl,--disable-new-dtags"});
         },
         true},
        {"but not for a library with a RUNPATH of its own",
         [](Root& root) {
             root.library("opt/x/libtwo.so.1");
             root.library("opt/x/libone.so.1", {"opt/x/libtwo.so.1"},
                          {"-Wl,-rpath,/nowhere", "-Wl,--enable-new-dtags"});
             root.program("bin/app", {"opt/x/libone.so.1"},
                          {"-Wl,-rpath,/opt/x", "-Wl,--disable-new-dtags"});
         },
         false},
        {"what is loaded already need not be found",
         [](Root& root) {
             root.library("opt/x/libtwo.so.1");
             root.library("opt/x/libone.so.1", {"opt/x/libtwo.so.1"});
             root.program("bin/app", {"opt/x/libtwo.so.1", "opt/x/libone.so.1"},
                          {"-Wl,-rpath,/opt/x", "-Wl,--enable-new-dtags"});
         },
         true},
        {"$ORIGIN, also through a symlink",
         [](Root& root) {
             root.library("opt/x/lib/libone.so.1");
             root.program("opt/x/bin/app.real", {"opt/x/lib/libone.so.1"},
                          {"-Wl,-rpath,$ORIGIN/../lib"});
             root.link("bin/app", "../opt/x/bin/app.real");
         },
         true},
        {"${ORIGIN} and $LIB",
         [](Root& root) {
             root.library("opt/lib/x86_64-linux-gnu/libone.so.1");
             root.program("bin/app", {"opt/lib/x86_64-linux-gnu/libone.so.1"},
                          {"-Wl,-rpath,${ORIGIN}/../opt/$LIB"});
         },
         true},
        {"no default folders",
         [](Root& root) {
             root.library(std::string(multiarch) + "libone.so.1");
             root.program("bin/app", {std::string(multiarch) + "libone.so.1"},
                          {"-Wl,-z,nodefaultlib"});
         },
         false},
        {"a folder under another name",
         [](Root& root) {
             root.library("data/libone.so.1");
             root.program("bin/app", {"data/libone.so.1"});
             root.link("usr/lib", "../data");
         },
         true},
    };
    for (const Case& one : cases) {
        INFO(one.name);
        Root root;
        root.add_glibc();
        one.make(root);
        expect(root, "bin/app", one.starts);
    }
}

TEST_CASE("a library for another machine is passed over") {
    Root root;
    root.add_glibc();
    root.library("opt/y/libone.so.1");
    root.program("bin/app", {"opt/y/libone.so.1"}, {"-Wl,-rpath,/opt/x:/opt/y"});
    auto bytes = read_file(root.path() / "opt/y/libone.so.1");
    REQUIRE(bytes);
    (*bytes)[18] = static_cast<char>(183);  // AArch64
    root.text("opt/x/libone.so.1", *bytes);
    expect(root, "bin/app", true);
    std::filesystem::remove(root.path() / "opt/y/libone.so.1");
    expect(root, "bin/app", false);
}

TEST_CASE("folders of ld.so.conf count, and get the cache that makes them count") {
    Root root;
    root.add_glibc();
    root.text("etc/ld.so.conf", "# all of them\ninclude ld.so.conf.d/*.conf\n");
    root.text("etc/ld.so.conf.d/x.conf", "/opt/x/  # ours\n/opt/none\n");
    root.text("etc/ld.so.conf.d/x.off", "/opt/off\n");
    for (int i = 1; i <= 12; ++i)
        root.library("opt/x/liblib" + std::to_string(i) + ".so." + std::to_string(i));
    root.library("opt/off/liboff.so.1");
    root.program("bin/app", {"opt/x/liblib2.so.2", "opt/x/liblib10.so.10", "opt/x/liblib9.so.9"});
    LibraryReport report = root.check();
    CHECK(report.broken.empty());
    REQUIRE_FALSE(report.cache.empty());
    CHECK_FALSE(root.starts("bin/app"));
    root.text("etc/ld.so.cache", report.cache);
    CHECK(root.starts("bin/app"));
    CHECK(root.check().cache.empty());
    root.program("bin/off", {"opt/off/liboff.so.1"});
    report = root.check();
    REQUIRE(report.broken.size() == 1);
    CHECK(report.broken.front() ==
          "/bin/off (t.yaml:1) lacks liboff.so.1 (looked for in /opt/x, /opt/none, "
          "/lib/x86_64-linux-gnu, /usr/lib/x86_64-linux-gnu, /lib, /usr/lib)");
    CHECK_FALSE(root.starts("bin/off"));
}

TEST_CASE("no cache is written where the loader needs none") {
    Root root;
    root.add_glibc();
    root.text("etc/ld.so.conf", "include /etc/ld.so.conf\n/lib/x86_64-linux-gnu\n/usr/local/lib\n");
    root.library("usr/lib/libone.so.1");
    root.program("bin/app", {"usr/lib/libone.so.1"});
    CHECK(root.check().cache.empty());
    root.library("usr/local/lib/libtwo.so.1");
    CHECK_FALSE(root.check().cache.empty());
}

TEST_CASE("libraries are found as musl finds them") {
    Root root;
    root.add_musl();
    std::string folder = "usr/lib/x86_64-linux-gnu/";  // of another C library
    root.library(folder + "libtwo.so.1", {}, {}, true);
    root.library("opt/x/libone.so.1", {folder + "libtwo.so.1"}, {}, true);
    SECTION("RUNPATH is for the libraries of a library too") {
        root.program("bin/app", {"opt/x/libone.so.1"}, {"-Wl,-rpath,/opt/x:$ORIGIN/../" + folder},
                     true);
        expect(root, "bin/app", true);
    }
    SECTION("its default folders are others") {
        root.program("bin/app", {"opt/x/libone.so.1"}, {"-Wl,-rpath,/opt/x"}, true);
        expect(root, "bin/app", false);
        root.copy(root.path() / (folder + "libtwo.so.1"), "usr/local/lib/libtwo.so.1");
        expect(root, "bin/app", true);
    }
    SECTION("its configuration stands in place of the default folders") {
        root.program("bin/app", {"opt/x/libone.so.1"}, {}, true);
        root.text("etc/ld-musl-x86_64.path", "/opt/x:/nowhere\n/" + folder + "\n");
        expect(root, "bin/app", true);
        root.text("etc/ld-musl-x86_64.path", "/opt/x\n");
        expect(root, "bin/app", false);
    }
}

TEST_CASE("a program without its interpreter is told apart") {
    Root root;
    root.program("bin/app");
    LibraryReport report = root.check();
    REQUIRE(report.broken.size() == 1);
    CHECK(mentions(report.broken, "lacks /lib64/ld-linux-x86-64.so.2"));
    CHECK_FALSE(root.starts("bin/app"));
    auto refused = refuse_broken(report);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_string().find("libraries: host") != std::string::npos);
}

TEST_CASE("plugins and optional programs only warn") {
    Root root;
    root.add_glibc();
    root.library("opt/x/libgone.so.1");
    root.library("opt/x/libhere.so.1");
    root.library("usr/lib/plugin/libfirst.so", {"opt/x/libgone.so.1"});
    root.library("usr/lib/plugin/libsecond.so", {"opt/x/libhere.so.1"});
    root.program("usr/sbin/rare", {"opt/x/libgone.so.1"});
    root.program("bin/app");
    std::filesystem::remove(root.path() / "opt/x/libgone.so.1");
    LibraryReport report = root.check({"/usr/sbin/*"});
    CHECK(report.broken.empty());
    CHECK(report.warnings.size() == 2);
    CHECK(mentions(report.warnings, "/usr/lib/plugin/libfirst.so (t.yaml:1) lacks libgone.so.1"));
    CHECK(mentions(report.warnings, "/usr/sbin/rare (t.yaml:1) lacks libgone.so.1"));
    report = root.check();
    CHECK(report.broken.size() == 1);
}

TEST_CASE("many broken programs are not all told") {
    LibraryReport report;
    for (int i = 0; i < 21; ++i) report.broken.push_back("/bin/" + std::to_string(i));
    std::string text = refuse_broken(report).error().to_string();
    CHECK(text.find("/bin/19") != std::string::npos);
    CHECK(text.find("/bin/20") == std::string::npos);
    CHECK(text.find("and 1 more") != std::string::npos);
    report.broken.pop_back();
    CHECK(refuse_broken(report).error().to_string().find("more") == std::string::npos);
    CHECK(refuse_broken({}));
}
