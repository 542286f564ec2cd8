// What a cpio archive cannot carry is said, whichever source it comes from.
#include "builder/image/lost_attributes.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>

#include "builder/image/compose.hpp"
#include "builder/image/cpio_writer.hpp"
#include "builder/image/local_package.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace fs = std::filesystem;

namespace {

void must_run(const std::vector<std::string>& command) {
    auto done = run_command(command);
    REQUIRE(done);
    INFO(done->err);
    REQUIRE(done->exit_code == 0);
}

void give_attribute(const fs::path& file) {
    // Needs a file system with them, which tmpfs became in Linux 6.6.
    REQUIRE(::setxattr(file.c_str(), "user.note", "x", 1, 0) == 0);
}

struct Package {
    TempDir folder = *TempDir::create();
    PackageSpec spec;

    explicit Package(const std::string& script = "") {
        spec.name = "ping";
        program("usr/bin/ping", 0755);
        if (script.empty()) return;
        fs::path file = root() / "DEBIAN/postinst";
        fs::create_directories(file.parent_path());
        spill(file, script);
        fs::permissions(file, fs::perms(0755));
    }
    fs::path root() const { return folder / (spec.name + ".root"); }
    void program(const std::string& path, unsigned mode) const {
        fs::create_directories((root() / path).parent_path());
        // Not by way of a temporary file, whose name would be longer still.
        std::ofstream(root() / path) << "a program";
        REQUIRE(::chmod((root() / path).c_str(), mode) == 0);
    }
    LocatedPackage located(const fs::path& file) const {
        auto package = local_package(file);
        REQUIRE(package);
        return *package;
    }
    LocatedPackage made() const { return located(make_deb(folder.path(), spec)); }
    // With a data archive of tar's own making.
    LocatedPackage made_with(std::vector<std::string> words) const {
        fs::path plain = make_deb(folder.path(), spec);
        std::string there = folder.path().string();
        must_run({"sh", "-c", "cd \"$1\" && ar x \"$2\" debian-binary control.tar.gz", "sh", there,
                  plain.string()});
        std::vector<std::string> tar = {
            "tar", "-C", root().string(), "-cf", there + "/data.tar", "--exclude=./DEBIAN"};
        tar.insert(tar.end(), words.begin(), words.end());
        must_run(tar);
        std::string pack = "cd \"$1\" && rm -f other.deb && ";
        pack += "ar rc other.deb debian-binary control.tar.gz data.tar";
        must_run({"sh", "-c", pack, "sh", there});
        return located(folder / "other.deb");
    }
};

std::vector<std::string> lost_of(const LocatedPackage& package) {
    std::vector<std::string> warnings;
    auto tree = package_tree(package, warnings);
    if (!tree) FAIL(tree.error().to_string());
    return warnings;
}

}  // namespace

TEST_CASE("attributes in a package's archive are warned of") {
    Package package;
    give_attribute(package.root() / "usr/bin/ping");
    CHECK(lost_of(package.made_with({"--xattrs", "."})) ==
          std::vector<std::string>{
              "package file:ping: \"/usr/bin/ping\" loses its attribute user.note: "
              "an initramfs cannot carry it"});
    CHECK(lost_of(package.made()).empty());
}

TEST_CASE("capabilities are told by their attribute") {
    Package package;
    fs::path program = package.root() / "usr/bin/ping";
    auto given = run_command({"setcap", "cap_net_raw+ep", program.string()});
    REQUIRE(given);
    // Only root gives a file capabilities.
    if (::geteuid() == 0) REQUIRE(given->exit_code == 0);
    if (given->exit_code != 0) return;
    auto lost = lost_of(package.made_with({"--xattrs", "--xattrs-include=*", "."}));
    REQUIRE(lost.size() == 1);
    CHECK(lost.front().find("\"/usr/bin/ping\" loses its attribute security.capability") !=
          std::string::npos);
}

TEST_CASE("capabilities that a script gives are told by the file, as far as the script says it") {
    // As iputils-ping has it: the path of before the merge of /usr.
    Package named(
        "#!/bin/sh\nPROGRAM=$(dpkg-divert --truename /bin/ping)\n"
        "if command -v setcap > /dev/null; then setcap cap_net_raw+ep $PROGRAM; fi\n"
        "chmod u+s /usr/bin/other\n");
    auto lost = lost_of(named.made());
    REQUIRE(lost.size() == 1);
    CHECK(lost.front().find("package file:ping: \"/usr/bin/ping\" loses its attribute "
                            "security.capability, which a script of the package gives it") == 0);
    Package hidden("#!/bin/sh\n/sbin/setcap cap_net_raw+ep \"$(which ping)\"\n");
    lost = lost_of(hidden.made());
    REQUIRE(lost.size() == 1);
    CHECK(lost.front().find(
              "package file:ping: a script gives its programs capabilities (setcap)") == 0);
    Package other("#!/bin/sh\n# no setcapability here\nldconfig /usr/bin/ping\n");
    CHECK(lost_of(other.made()).empty());
}

TEST_CASE("setuid bits and owners come through") {
    Package package;
    package.program("usr/bin/mount", 04755);
    package.program("usr/bin/write", 02755);
    std::vector<std::string> warnings;
    auto tree = package_tree(package.made(), warnings);
    REQUIRE(tree);
    CHECK(warnings.empty());
    CHECK(tree->find("usr/bin/mount")->mode == 04755);
    spill(package.folder / "image.cpio", cpio_of(*tree));
    auto listing =
        run_command({"cpio", "-itv", "-F", (package.folder / "image.cpio").string(), "--quiet"});
    REQUIRE(listing);
    CHECK(listing->out.find("-rwsr-xr-x") != std::string::npos);
    CHECK(listing->out.find("-rwxr-sr-x") != std::string::npos);
}

TEST_CASE("names and links of packages that lead elsewhere are refused") {
    std::vector<std::string> warnings;
    Package link;
    fs::create_symlink("../../../etc/shadow", link.root() / "usr/bin/link");
    auto tree = package_tree(link.made(), warnings);
    REQUIRE_FALSE(tree);
    CHECK(tree.error().kind() == ErrorKind::refused);
    CHECK(tree.error().to_string().find(
              "\"usr/bin/link\" from package file:ping to \"../../../etc/") != std::string::npos);
    Package line;
    tree = package_tree(line.made_with({"--transform", "s,ping,pi\\nng,", "."}), warnings);
    REQUIRE_FALSE(tree);
    CHECK(tree.error().to_string().find("has a control character") != std::string::npos);
    Package climbs;
    tree = package_tree(climbs.made_with({"-P", "--transform", "s,ping,../../../ping,", "."}),
                        warnings);
    REQUIRE_FALSE(tree);
    CHECK(tree.error().kind() == ErrorKind::refused);
}

TEST_CASE("a file of the profile that loses attributes is warned of, also behind a symlink") {
    TempDir folder = *TempDir::create();
    spill(folder / "tool", "a program");
    give_attribute(folder / "tool");
    fs::create_symlink("tool", folder / "link");
    for (const char* source : {"tool", "link"}) {
        auto profile = parse_profile(
            "name: x\nkernel: {package: k}\nfiles: [{path: /bin/tool, "
            "source: " +
                std::string(source) + "}]\n",
            "p.yaml", folder.path());
        REQUIRE(profile);
        std::vector<std::string> warnings;
        REQUIRE(site_tree(*profile, LocalFiles(), warnings));
        CHECK(warnings == std::vector<std::string>{"p.yaml:3: \"/bin/tool\" loses its attribute "
                                                   "user.note: an initramfs cannot carry it"});
    }
}

TEST_CASE("a name that is too long, and a file that is too large, are errors with the path") {
    std::vector<std::string> warnings;
    Package package;
    package.program("opt/" + std::string(longest_path_part, 'n'), 0644);
    CHECK(package_tree(package.made(), warnings));
    // No file system has a longer name; an archive may.
    LocatedPackage longer = package.made_with({"--transform", "s,n$,nn,", "."});
    auto tree = package_tree(longer, warnings);
    REQUIRE_FALSE(tree);
    CHECK(tree.error().kind() == ErrorKind::limit);
    CHECK(tree.error().to_string().find("\"opt/nnnn") != std::string::npos);

    TempDir folder = *TempDir::create();
    spill(folder / "large", "");
    for (std::uint64_t size : {0xffffffffULL, 0x100000000ULL}) {
        fs::resize_file(folder / "large", size);
        auto profile = parse_profile(
            "name: x\nkernel: {package: k}\nfiles: [{path: /opt/large, source: large}]\n", "p.yaml",
            folder.path());
        REQUIRE(profile);
        auto site = site_tree(*profile, LocalFiles(), warnings);
        REQUIRE(site);
        // The largest that fits would take its time: the first piece is enough.
        auto written = write_cpio(site->entries(), 0, "", [](std::string_view piece) -> Status {
            if (piece.size() < 4096) return {};
            return Error(ErrorKind::cancelled, "enough");
        });
        REQUIRE_FALSE(written);
        bool fits = size == 0xffffffffULL;
        CHECK((written.error().kind() == ErrorKind::cancelled) == fits);
        if (!fits)
            CHECK(written.error().to_string().find("/opt/large from p.yaml:3 has 4294967296") == 0);
    }
}
