#include <map>

#include "builder/profile/profile.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

const std::string base = R"(name: base
kernel: {package: linux-image-test, cmdline: quiet}
packages: [bash, "jq=1.6"]
modules: {load: [virtio_net], include: [nvme]}
files:
  - {path: /etc/motd, content: base}
  - {path: /opt/tool, source: tool}
services:
  - {name: shell, command: [/bin/sh]}
init: {hostname: base, ntp: [a.example]}
)";

using Files = std::map<std::string, std::string>;

// The profile /site/p.yaml beside other files.
Result<Profile> parse(const std::string& text, const Files& files = {{"/site/base.yaml", base}}) {
    ProfileOptions options;
    options.read = [&](const std::filesystem::path& path) -> Result<std::string> {
        auto found = files.find(path.string());
        if (found == files.end()) return Error(ErrorKind::not_found, path.string() + " is missing");
        return found->second;
    };
    return parse_profile(text, "/site/p.yaml", "/site", options);
}

std::string error_of(const std::string& text, const Files& files = {{"/site/base.yaml", base}}) {
    auto profile = parse(text, files);
    INFO(text);
    REQUIRE_FALSE(profile);
    return profile.error().to_string();
}

std::string removing(const std::string& what) {
    return "extends: base.yaml\nremove: {" + what + "}\n";
}

}  // namespace

TEST_CASE("a profile that extends another has all of it") {
    auto profile = parse("extends: base.yaml\n");
    REQUIRE(profile);
    CHECK(profile->name == "base");
    CHECK(test::names_of(profile->packages) == std::vector<std::string>{"bash", "jq=1.6"});
    CHECK(profile->files.size() == 2);
    CHECK(profile->kernel.where == "/site/base.yaml:2");
    CHECK(profile->programs.size() == 2);
    REQUIRE(profile->ancestors.size() == 1);
    CHECK(profile->ancestors[0] == "/site/base.yaml");
}

TEST_CASE("lists add, mappings merge, single values give way") {
    auto profile = parse(R"(name: site
extends: base.yaml
kernel: {cmdline: debug}
packages: {debian: [bash, strace], exclude: [perl-base]}
modules: {include: [igb]}
services: [{name: tink-worker, command: [/usr/bin/tink-worker]}]
init: {ntp: [b.example]}
programs: {helper: /usr/bin/helper}
)");
    REQUIRE(profile);
    CHECK(profile->name == "site");
    CHECK(profile->kernel.package == "linux-image-test");
    CHECK(profile->kernel.cmdline == "debug");
    CHECK(test::names_of(profile->packages) ==
          std::vector<std::string>{"bash", "jq=1.6", "strace"});
    REQUIRE(profile->exclude.size() == 1);
    CHECK(profile->exclude[0].where == "/site/p.yaml:4");
    REQUIRE(profile->include.size() == 2);
    CHECK(profile->include[0].where == "/site/base.yaml:4");
    CHECK(profile->include[1].where == "/site/p.yaml:5");
    CHECK(profile->init.hostname == "base");
    CHECK(profile->init.ntp == std::vector<std::string>{"a.example", "b.example"});
    REQUIRE(profile->init.services.size() == 2);
    CHECK(profile->init.services[0].name == "shell");
    CHECK(profile->programs.size() == 3);
}

TEST_CASE("relative names start from the file that says them") {
    auto profile = parse("extends: ../shared/base.yaml\n", {{"/shared/base.yaml", base}});
    REQUIRE(profile);
    CHECK(profile->files[1].source == "/shared/tool");
    profile = parse("extends: sub/k.yaml\nname: x\n",
                    {{"/site/sub/k.yaml", "kernel: {repository: file, package: k.deb}\n"}});
    REQUIRE(profile);
    CHECK(profile->kernel.package == "/site/sub/k.deb");
}

TEST_CASE("remove takes away what is extended") {
    auto profile = parse(R"(extends: base.yaml
remove:
  packages: [jq]
  modules: [virtio-net]
  files: [/etc/motd]
  services: [shell]
  ntp: [a.example]
  programs: [tink-worker]
files: [{path: /etc/motd, content: mine}]
)");
    REQUIRE(profile);
    CHECK(test::names_of(profile->packages) == std::vector<std::string>{"bash"});
    CHECK(profile->load.empty());
    REQUIRE(profile->files.size() == 2);
    CHECK(profile->files[1].content == "mine");
    CHECK(profile->init.services.empty());
    CHECK(profile->init.ntp.empty());
    REQUIRE(profile->programs.size() == 1);
    CHECK(profile->programs[0].name == "osie-init");
}

TEST_CASE("what cannot be removed is named with a hint") {
    CHECK(error_of(removing("packages: [bsh]")) ==
          "/site/p.yaml:2: nothing to remove: no \"bsh\" in \"packages\" of the profiles that this "
          "one extends (hint: did you mean \"bash\"?)");
    CHECK(error_of(removing("modles: [a]")) ==
          "/site/p.yaml:2: unknown key \"modles\" (hint: did you mean \"modules\"?)");
    CHECK(error_of(removing("files: /etc/motd"))
              .find("/site/p.yaml:2: \"remove.files\" must be a list, but is a single value") == 0);
    CHECK(error_of(removing("files: [{path: /etc/motd}]")).find("is a list of names") !=
          std::string::npos);
    CHECK(error_of("extends: base.yaml\nremove: [a]\n")
              .find("/site/p.yaml:2: \"remove\" must be a mapping") == 0);
}

TEST_CASE("a mistake is put down to the file that made it") {
    CHECK(error_of("extends: base.yaml\n", {{"/site/base.yaml", base + "pakages: [x]\n"}})
              .find("/site/base.yaml:11: unknown key \"pakages\"") == 0);
    CHECK(error_of("extends: base.yaml\n", {{"/site/base.yaml", base + "arch: mips\n"}})
              .find("/site/base.yaml:11: unknown architecture") == 0);
    CHECK(error_of("extends: base.yaml\nmodules: [a]\n") ==
          "/site/p.yaml:2: \"modules\" is a list here, but a mapping at /site/base.yaml:4");
    CHECK(
        error_of("extends: base.yaml\nservices: [{name: shell, command: [/x]}]\n") ==
        "/site/p.yaml:2: a second service \"shell\" (hint: one that is extended goes with remove: "
        "{services: [shell]})");
    CHECK(error_of("extends: none.yaml\n") ==
          "/site/p.yaml:1: extends \"none.yaml\": /site/none.yaml is missing");
    CHECK(error_of("extends: [a]\n").find("/site/p.yaml:1: \"extends\" must be the path") == 0);
    CHECK(error_of("extends: base.yaml\n", {{"/site/base.yaml", "- a\n"}}) ==
          "/site/base.yaml:1: the document must be a mapping, but is a list");
}

TEST_CASE("a circle of profiles is shown") {
    CHECK(
        error_of("name: x\nextends: ./p.yaml\n")
            .find("/site/p.yaml:2: \"extends\" goes in a circle: /site/p.yaml:2 -> /site/p.yaml") ==
        0);
    CHECK(error_of("extends: a.yaml\n", {{"/site/a.yaml", "\nextends: sub/b.yaml\n"},
                                         {"/site/sub/b.yaml", "\n\nextends: ../a.yaml\n"}}) ==
          "/site/sub/b.yaml:3: \"extends\" goes in a circle: /site/a.yaml:2 -> /site/sub/b.yaml:3 "
          "-> /site/a.yaml (hint: let one of them extend nothing of the others)");
}

TEST_CASE("a chain of profiles has a limit") {
    Files files;
    auto file = [](std::size_t i) { return "/site/" + std::to_string(i) + ".yaml"; };
    for (std::size_t i = 2; i < longest_chain; ++i)
        files[file(i)] = "extends: " + std::to_string(i + 1) + ".yaml\n";
    files[file(longest_chain)] = base;
    CHECK(parse("extends: 2.yaml\n", files));
    files[file(longest_chain)] = "extends: " + std::to_string(longest_chain + 1) + ".yaml\n";
    files[file(longest_chain + 1)] = base;
    auto profile = parse("extends: 2.yaml\n", files);
    REQUIRE_FALSE(profile);
    CHECK(profile.error().kind() == ErrorKind::limit);
    CHECK(profile.error().message().find("/site/16.yaml:1: more than 16 profiles") == 0);
}

TEST_CASE("aliases count as often as they are used, and nesting ends") {
    std::string bomb = "variables: {a: x}\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n";
    for (int i = 1; i < 8; ++i) {
        std::string before = "*x" + std::to_string(i - 1);
        bomb += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + before;
        for (int k = 0; k < 9; ++k) bomb += ", " + before;
        bomb += "]\n";
    }
    auto profile = parse(bomb);
    REQUIRE_FALSE(profile);
    CHECK(profile.error().kind() == ErrorKind::limit);

    auto nested = [](std::size_t levels) {
        return "init: " + std::string(levels, '[') + std::string(levels, ']') + "\n";
    };
    auto at = parse(nested(deepest_nesting));
    REQUIRE_FALSE(at);
    CHECK(at.error().kind() == ErrorKind::invalid_input);
    auto above = parse(nested(deepest_nesting + 1));
    REQUIRE_FALSE(above);
    CHECK(above.error().kind() == ErrorKind::limit);
}

TEST_CASE("the number of values has a limit") {
    auto file = std::make_shared<const ProfileFile>(ProfileFile{"p.yaml", "/site"});
    // The document and the list count as well.
    auto list = [](std::size_t values) {
        std::string text = "a: [";
        for (std::size_t i = 2; i < values; ++i) text += "1,";
        return text + "]\n";
    };
    CHECK(load_document(list(most_values), file));
    auto more = load_document(list(most_values + 1), file);
    REQUIRE_FALSE(more);
    CHECK(more.error().kind() == ErrorKind::limit);
}

TEST_CASE("profiles extend each other on disk") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    test::spill(*folder / "base.yaml", base);
    test::spill(*folder / "tool", "x");
    test::spill(*folder / "p.yaml", "extends: base.yaml\nname: site\n");
    auto profile = load_profile(*folder / "p.yaml");
    REQUIRE(profile);
    CHECK(profile->name == "site");
    CHECK(profile->packages.size() == 2);
    test::spill(*folder / "p.yaml", "extends: none.yaml\n");
    auto none = load_profile(*folder / "p.yaml");
    REQUIRE_FALSE(none);
    CHECK(none.error().to_string().find("p.yaml:1: extends \"none.yaml\"") != std::string::npos);
}
