#include "builder/profile/profile.hpp"

#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

const std::string minimal = "name: tiny\nkernel:\n  package: linux-image-test\n";

Result<Profile> parse(const std::string& text) {
    return parse_profile(text, "p.yaml", "/site");
}

std::string error_of(const std::string& text) {
    auto profile = parse(text);
    INFO(text);
    REQUIRE_FALSE(profile);
    REQUIRE(exit_status(profile.error()) == 2);
    return profile.error().to_string();
}

}  // namespace

TEST_CASE("a minimal profile gets its defaults") {
    auto profile = parse(minimal);
    REQUIRE(profile);
    CHECK(profile->name == "tiny");
    CHECK(profile->architecture == host_architecture());
    CHECK(profile->kernel.package == "linux-image-test");
    CHECK(profile->kernel.repository == PackageSystem::debian);
    CHECK(profile->kernel.where == "p.yaml:3");
    CHECK(profile->init.hostname == "osie");
    REQUIRE(profile->init.services.size() == 1);
    CHECK(profile->init.services[0].command == std::vector<std::string>{"/usr/bin/tink-worker"});
    REQUIRE(profile->programs.size() == 2);
    CHECK(profile->programs[0].path == "init");
    CHECK(profile->compression.level == 9);
    CHECK(profile->compression.window_log == 25);
}

TEST_CASE("every key of a profile is read") {
    auto profile = parse(R"(
name: full-1
arch: arm64
kernel: {package: linux-image-arm64, repository: debian, cmdline: "console=ttyS0 quiet"}
packages: [bash, "libc6=2.36-9"]
modules:
  load: [virtio-net]
  include: [nvme, sd_mod]
files:
  - {path: /etc/motd, content: "hello\n", mode: 0640, owner: "1:2"}
  - path: /opt/tool
    source: bin/tool
    mode: "4755"
directories:
  - /srv
  - {path: /srv/data, mode: 0700, owner: 5:6}
symlinks:
  - {path: /etc/mtab, target: /proc/mounts}
init:
  hostname: rack-1
  ntp: [ntp.example]
  services:
    - {name: shell, command: [/bin/sh, -i]}
programs: {osie-init: /init}
compression: {method: zstd, level: 3, window: 20}
)");
    REQUIRE(profile);
    CHECK(profile->architecture == "arm64");
    CHECK(profile->kernel.cmdline == "console=ttyS0 quiet");
    CHECK(test::names_of(profile->packages) == std::vector<std::string>{"bash", "libc6=2.36-9"});
    REQUIRE(profile->load.size() == 1);
    CHECK(profile->load[0].name == "virtio_net");
    CHECK(profile->load[0].where == "p.yaml:7");
    CHECK(profile->include.size() == 2);
    REQUIRE(profile->files.size() == 2);
    CHECK(profile->files[0].path == "etc/motd");
    CHECK(profile->files[0].mode == 0640);
    CHECK(profile->files[0].uid == 1);
    CHECK(profile->files[0].gid == 2);
    CHECK(profile->files[1].source == "/site/bin/tool");
    CHECK(profile->files[1].mode == 04755);
    REQUIRE(profile->directories.size() == 2);
    CHECK(profile->directories[0].mode == 0755);
    CHECK(profile->directories[1].mode == 0700);
    CHECK(profile->symlinks[0].target == "/proc/mounts");
    CHECK(profile->init.hostname == "rack-1");
    CHECK(profile->init.ntp == std::vector<std::string>{"ntp.example"});
    REQUIRE(profile->init.services.size() == 1);
    CHECK(profile->init.services[0].name == "shell");
    CHECK(profile->programs.size() == 1);
    CHECK(profile->compression.level == 3);
    CHECK(profile->compression.window_log == 20);
}

TEST_CASE("a wrong profile is answered with file, line and a hint") {
    CHECK(error_of(minimal + "pakages: [bash]\n") ==
          "p.yaml:4: unknown key \"pakages\" (hint: did you mean \"packages\"?)");
    CHECK(error_of(minimal + "extends: base.yaml\n") ==
          "p.yaml:4: another profile cannot be extended here");
    CHECK(error_of(minimal + "name: again\n") == "p.yaml:4: the key \"name\" occurs twice");
    CHECK(error_of(minimal + "modules: [a]\n") ==
          "p.yaml:4: \"modules\" must be a mapping, but is a list");
    CHECK(error_of(minimal + "packages:\n") ==
          "p.yaml:4: \"packages\" must be a mapping, but is nothing");
    CHECK(error_of(minimal + "packages:\n  - bash\n  - {a: b}\n") ==
          "p.yaml:6: \"packages.debian[1]\" must be a Debian package name, but is a mapping");
    CHECK(error_of("kernel: {package: x1}\n") == "p.yaml:1: the profile lacks the key \"name\"");
    CHECK(error_of("name: x\n") == "p.yaml:1: the profile lacks the key \"kernel\"");
    CHECK(error_of("name: x\nkernel: {cmdline: y}\n") ==
          "p.yaml:2: \"kernel\" lacks the key \"package\"");
    CHECK(error_of("name: x\nkernel: {package: k, repository: redhat}\n") ==
          "p.yaml:2: unknown repository \"redhat\" (hint: debian, alpine or file)");
    CHECK(error_of("").find("p.yaml:1: ") == 0);
    CHECK(error_of("a: [").find("p.yaml:") == 0);
    CHECK(error_of("- a\n") == "p.yaml:1: the document must be a mapping, but is a list");
    CHECK(error_of(minimal + "arch: mips\n") ==
          "p.yaml:4: unknown architecture \"mips\" (hint: amd64 or arm64)");
    CHECK(error_of("name: ../x\nkernel: {package: k}\n").find("p.yaml:1: \"../x\" is not") == 0);
    CHECK(error_of(minimal + "---\nname: second\n").find("a second YAML document") !=
          std::string::npos);
}

TEST_CASE("wrong files, directories and symlinks are found") {
    auto file = [](const std::string& rest) { return minimal + "files:\n  - {" + rest + "}\n"; };
    CHECK(
        error_of(file("path: /a, content: x, mode: 0948")) ==
        "p.yaml:5: \"0948\" is not a mode (hint: write three or four octal digits, such as 0644)");
    CHECK(error_of(file("path: /a, content: x, mode: 17777")).find("is not a mode") !=
          std::string::npos);
    CHECK(error_of(file("path: /a, content: x, mode: 64")).find("is not a mode") !=
          std::string::npos);
    CHECK(error_of(file("path: /a, content: x, owner: root:root")).find("is not an owner") !=
          std::string::npos);
    CHECK(error_of(file("path: /a, content: x, owner: 4294967295:0")).find("is not an owner") !=
          std::string::npos);
    CHECK(parse(file("path: /a, content: x, owner: 4294967294:0")));
    CHECK(error_of(file("path: a, content: x")).find("does not start with") != std::string::npos);
    CHECK(error_of(file("path: /a/../b, content: x")).find("has a part \"..\"") !=
          std::string::npos);
    CHECK(error_of(file("path: \"/a\\nb\", content: x")).find("has a control character") !=
          std::string::npos);
    CHECK(error_of(file("path: /a, source: \"a\\nb\"")).find("p.yaml:5: ") == 0);
    CHECK(error_of(minimal + "symlinks: [{path: /a, target: \"b\\nc\"}]\n").find("p.yaml:4: ") ==
          0);
    CHECK(error_of(minimal + "directories: [\"/a\\nb\"]\n").find("has a control character") !=
          std::string::npos);
    CHECK(error_of(minimal + "trees: [{source: a, path: /a/../b}]\n").find("has a part \"..\"") !=
          std::string::npos);
    CHECK(error_of(file("path: /a")).find("needs either \"content\" or \"source\"") !=
          std::string::npos);
    CHECK(error_of(file("path: /a, content: x, source: y")).find("needs either") !=
          std::string::npos);
    CHECK(error_of(file("content: x")).find("lacks the key \"path\"") != std::string::npos);
    CHECK(error_of(minimal + "directories: [{mode: 0755}]\n").find("lacks the key \"path\"") !=
          std::string::npos);
    CHECK(error_of(minimal + "symlinks: [{path: /a}]\n").find("needs both") != std::string::npos);
}

TEST_CASE("wrong settings are found") {
    CHECK(error_of(minimal + "init: {hostname: -x}\n").find("is not a host name") !=
          std::string::npos);
    CHECK(error_of(minimal + "init: {services: [{name: a, command: [sh]}]}\n")
              .find("absolute path") != std::string::npos);
    CHECK(error_of(minimal +
                   "init: {services: [{name: a, command: [/s]}, {name: a, command: [/s]}]}\n")
              .find("a second service \"a\"") != std::string::npos);
    CHECK(error_of(minimal + "compression: {level: 20}\n").find("a number from 1 to 19") !=
          std::string::npos);
    CHECK(parse(minimal + "compression: {level: 19, window: 27}\n"));
    CHECK(error_of(minimal + "compression: {window: 28}\n").find("a number from 10 to 27") !=
          std::string::npos);
    CHECK(error_of(minimal + "compression: {method: lzo}\n").find("zstd, xz, gzip, lz4 or none") !=
          std::string::npos);
    // The bounds are the method's, whichever key comes first.
    CHECK(parse(minimal + "compression: {level: 9, window: 26, method: xz}\n"));
    CHECK(error_of(minimal + "compression: {level: 10, method: xz}\n").find("from 0 to 9") !=
          std::string::npos);
    CHECK(error_of(minimal + "compression: {window: 27, method: xz}\n").find("from 12 to 26") !=
          std::string::npos);
    CHECK(error_of(minimal + "compression: {method: gzip, window: 15}\n").find("has no window") !=
          std::string::npos);
    CHECK(error_of(minimal + "compression: {method: none, level: 1}\n").find("has no level") !=
          std::string::npos);
    CHECK(error_of(minimal + "programs: {../x: /x}\n").find("not the file name of a program") !=
          std::string::npos);
    CHECK(error_of("name: x\nkernel: {package: k, cmdline: \"a\\nb\"}\n").find("one line") !=
          std::string::npos);
    CHECK(error_of("name: x\nkernel: {package: k, cmdline: " + std::string(2049, 'a') + "}\n")
              .find("2048") != std::string::npos);
    CHECK(parse("name: x\nkernel: {package: k, cmdline: " + std::string(2048, 'a') + "}\n"));
}

TEST_CASE("a flow mapping that is not closed ends the reading") {
    // yaml-cpp's LoadAll() does not return for this one.
    CHECK(error_of(minimal + "programs: {a: /b: {c: d, e: 20}\n").find("p.yaml:") == 0);
}

TEST_CASE("a profile has a size limit") {
    std::string comment = "#";
    comment.resize(largest_profile - minimal.size() - 1, 'x');
    CHECK(parse(minimal + comment + "\n"));
    auto larger = parse(minimal + comment + "x\n");
    REQUIRE_FALSE(larger);
    CHECK(larger.error().kind() == ErrorKind::limit);
}

TEST_CASE("sources are looked for when a profile is loaded") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    spill(*folder / "p.yaml", minimal + "files:\n  - {path: /a,\n     source: here}\n");
    auto missing = load_profile(*folder / "p.yaml");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message() ==
          (*folder / "p.yaml").string() + ":6: there is no file " + (*folder / "here").string());
    spill(*folder / "here", "x");
    CHECK(load_profile(*folder / "p.yaml"));
    auto none = load_profile(*folder / "none.yaml");
    REQUIRE_FALSE(none);
    CHECK(none.error().kind() == ErrorKind::not_found);
    spill(*folder / "k.yaml", "name: x\nkernel: {repository: file, package: k.deb}\n");
    auto no_kernel = load_profile(*folder / "k.yaml");
    REQUIRE_FALSE(no_kernel);
    CHECK(no_kernel.error().message().find("k.yaml:2: there is no file") != std::string::npos);
}
