#include <nlohmann/json.hpp>

#include "builder/image/compose.hpp"
#include "builder/profile/profile.hpp"
#include "builder/profile/readers.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

const std::string minimal = "name: tiny\nkernel: {package: linux-image-test}\n";

Result<Profile> parse(const std::string& text) {
    return parse_profile(minimal + text, "p.yaml", "/site");
}

std::string error_of(const std::string& text) {
    auto profile = parse(text);
    INFO(text);
    REQUIRE_FALSE(profile);
    REQUIRE(exit_status(profile.error()) == 2);
    return profile.error().to_string();
}

nlohmann::json settings_of(const std::string& text) {
    auto profile = parse(text);
    REQUIRE(profile);
    return nlohmann::json::parse(init_settings(profile->init, profile->agent, {}));
}

}  // namespace

TEST_CASE("packages are read by repository") {
    auto profile = parse(
        "packages: {debian: [strace], alpine: [\"so:libc.musl-x86_64.so.1\", busybox],\n"
        "  exclude: [perl-base], no-deps: [dash]}\n");
    REQUIRE(profile);
    CHECK(test::names_of(profile->packages) == std::vector<std::string>{"strace"});
    REQUIRE(profile->alpine_packages.size() == 2);
    CHECK(profile->alpine_packages[1].name == "busybox");
    CHECK(profile->alpine_packages[1].where == "p.yaml:3");
    CHECK(profile->exclude[0].name == "perl-base");
    CHECK(profile->no_deps[0].where == "p.yaml:4");
    auto pinned = parse(
        "packages: {debian: [jq=1.6-2.1, zstd/bookworm-backports],\n"
        "  alpine: [\"!dash\", musl@community]}\n");
    REQUIRE(pinned);
    CHECK(test::names_of(pinned->packages) ==
          std::vector<std::string>{"jq=1.6-2.1", "zstd/bookworm-backports"});
    CHECK(test::names_of(pinned->alpine_packages) ==
          std::vector<std::string>{"!dash", "musl@community"});
    for (const char* list : {"debian", "alpine", "exclude", "no-deps"})
        CHECK(
            error_of(std::string("packages: {") + list + ": [\"a\\nb\"]}\n").find("package name") !=
            std::string::npos);
    CHECK(error_of("packages: {alpine: [\"!\"]}\n").find("is not a package name") !=
          std::string::npos);
    CHECK(error_of("packages: {debian: [\"!dash\"]}\n").find("is not a Debian package name") !=
          std::string::npos);
    auto alpine = parse(
        "alpine: {mirror: http://mirror.example/alpine, branch: v3.20, keys: keys,\n"
        "  repositories: [community, main]}\n");
    REQUIRE(alpine);
    CHECK(alpine->alpine.mirror == "http://mirror.example/alpine");
    CHECK(alpine->alpine.branch == "v3.20");
    CHECK(alpine->alpine.keys.filename() == "keys");
    CHECK(alpine->alpine.repositories == std::vector<std::string>{"community", "main"});
    CHECK(error_of("alpine: {branch: a/b}\n").find("p.yaml:3: \"a/b\" is not a branch") == 0);
    CHECK(error_of("packages: {debain: [x]}\n") ==
          "p.yaml:3: unknown key \"debain\" (hint: did you mean \"debian\"?)");
    CHECK(error_of("packages: {alpine: [\"a b\"]}\n").find("p.yaml:3: \"a b\" is not a package") ==
          0);
}

TEST_CASE("kernel settings go to init") {
    CHECK(settings_of("sysctl: {net.ipv4.ip_forward: 1, kernel.panic: 10}\n")["sysctl"] ==
          nlohmann::json({{"net.ipv4.ip_forward", "1"}, {"kernel.panic", "10"}}));
    CHECK_FALSE(settings_of("").contains("sysctl"));
    for (const char* name : {"panic", "../x", "net..ipv4", "net.", "a/b.c"})
        CHECK(
            error_of("sysctl: {" + std::string(name) + ": 1}\n")
                .find("is not the name of a kernel setting (hint: such as net.ipv4.ip_forward)") !=
            std::string::npos);
    auto valued = [](std::size_t length) {
        return "sysctl: {kernel.core_pattern: " + std::string(length, 'x') + "}\n";
    };
    CHECK(parse(valued(longest_sysctl)));
    CHECK(error_of(valued(longest_sysctl + 1)).find("p.yaml:3: the value of kernel.core") == 0);
    CHECK(error_of("sysctl: {kernel.panic: \"\"}\n").find("1 to 4096 bytes") != std::string::npos);
}

TEST_CASE("the number of kernel settings has init's limit") {
    auto many = [](std::size_t count) {
        std::string text = "sysctl:\n";
        for (std::size_t i = 0; i < count; ++i) text += "  a.s" + std::to_string(i) + ": 1\n";
        return text;
    };
    CHECK(parse(many(most_sysctl)));
    CHECK(error_of(many(most_sysctl + 1)).find("more than 256 kernel settings") !=
          std::string::npos);
}

TEST_CASE("settings of the agent become its arguments") {
    auto services = settings_of(
        "agent: {server: \"osie.example:42113\", registry: \"r.example:5000\",\n"
        "  insecure-registries: [\"a.example\", \"b.example:80\"]}\n")["services"];
    CHECK(services[0]["command"] ==
          nlohmann::json({"/usr/bin/tink-worker", "--grpc-server", "osie.example:42113",
                          "--registry-name", "r.example:5000", "--insecure-registries",
                          "a.example,b.example:80"}));
    CHECK(settings_of("agent: {}\n")["services"][0]["command"].size() == 1);
    CHECK(error_of("agent: {server: osie.example}\n") ==
          "p.yaml:3: the server \"osie.example\" lacks a port (hint: such as osie.example:42113)");
    CHECK(error_of("agent: {password: x}\n").find("p.yaml:3: unknown key \"password\"") == 0);
    CHECK(error_of("agent: {server: \"h:1\"}\nservices: [{name: a, command: [/a]}]\n")
              .find("a service tink-worker, which there is not") != std::string::npos);
}

TEST_CASE("the policy of the agent goes into the image") {
    auto policy_of = [](const std::string& text) {
        auto profile = parse("agent: " + text + "\n");
        if (!profile) FAIL(profile.error().to_string());
        std::vector<std::string> warnings;
        auto tree = site_tree(*profile, LocalFiles(), warnings);
        REQUIRE(tree);
        const Entry* entry = tree->find("etc/osie/policy.json");
        return entry == nullptr ? nlohmann::json() : nlohmann::json::parse(*entry->content.load());
    };
    CHECK(policy_of("{}").is_null());
    CHECK(policy_of("{policy: strict}") == nlohmann::json{{"base", "strict"}});
    CHECK(policy_of("{registries: [\"r.example:5000\", \"*.example\"]}") ==
          nlohmann::json{{"base", "compatible"}, {"registries", {"r.example:5000", "*.example"}}});
    CHECK(policy_of("{policy: strict, registries: [a]}")["registries"] == nlohmann::json{"a"});
    CHECK(error_of("agent: {policy: lax}\n") ==
          "p.yaml:3: unknown policy \"lax\" (hint: compatible, strict, or a file such as "
          "policy.json)");
    CHECK(error_of("agent: {registries: []}\n").find("p.yaml:3: without a registry") == 0);
    CHECK(error_of("agent: {registries: [\"a b\"]}\n").find("is not a pattern of registries") !=
          std::string::npos);
    CHECK(error_of("agent: {policy: p.json, registries: [a]}\n").find("belongs into the file") !=
          std::string::npos);
    CHECK(error_of("agent: {policy: strict}\nservices: [{name: a, command: [/a]}]\n")
              .find("a service tink-worker, which there is not") != std::string::npos);
}

TEST_CASE("a policy file has to be one") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    auto tree = [&](const std::string& content) {
        test::spill(*folder / "policy.json", content);
        auto profile =
            parse_profile("name: x\nkernel: {package: k}\nagent: {policy: policy.json}\n", "p.yaml",
                          folder->path());
        REQUIRE(profile);
        std::vector<std::string> warnings;
        return site_tree(*profile, LocalFiles(), warnings);
    };
    auto good = tree("{\"base\": \"strict\"}");
    REQUIRE(good);
    CHECK(*good->find("etc/osie/policy.json")->content.load() == "{\"base\": \"strict\"}");
    auto bad = tree("base: strict");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().to_string().find("p.yaml:3: ") == 0);
    CHECK(bad.error().to_string().find("is no policy") != std::string::npos);
}

TEST_CASE("users are written into the image") {
    auto profile = parse(
        "users:\n"
        "  - {name: alice, uid: 1000, home: /home/alice, shell: /bin/sh}\n"
        "  - {name: root, uid: 0, home: /root}\n"
        "  - {name: bob, uid: 1001, gid: 1000, group: alice}\n");
    REQUIRE(profile);
    std::vector<std::string> warnings;
    auto tree = site_tree(*profile, LocalFiles(), warnings);
    REQUIRE(tree);
    CHECK(tree->find("etc/passwd")->content.load().value() ==
          "root:*:0:0::/root:/bin/false\n"
          "alice:*:1000:1000::/home/alice:/bin/sh\n"
          "bob:*:1001:1000::/:/bin/false\n");
    CHECK(tree->find("etc/group")->content.load().value() == "root:*:0:\nalice:*:1000:\n");
    CHECK(site_tree(*parse(""), LocalFiles(), warnings)->find("etc/passwd") == nullptr);
}

TEST_CASE("wrong users are found") {
    auto users = [](const std::string& rest) { return error_of("users:\n" + rest); };
    CHECK(users("  - {name: a}\n") == "p.yaml:4: a user needs both \"name\" and \"uid\"");
    CHECK(users("  - {name: \"a:b\", uid: 1}\n").find("p.yaml:4: \"a:b\" is not a user name") == 0);
    CHECK(users("  - {name: a, uid: 1, shell: \"/a:b\"}\n").find("without \":\"") !=
          std::string::npos);
    CHECK(users("  - {name: a, uid: 1}\n  - {name: a, uid: 2}\n")
              .find("p.yaml:5: a second user \"a\", as at p.yaml:4 (hint: ") == 0);
    CHECK(users("  - {name: a, uid: 1}\n  - {name: b, uid: 1}\n")
              .find("p.yaml:5: the users a and b have the same number 1") == 0);
    CHECK(users("  - {name: a, uid: 1}\n  - {name: b, uid: 2, gid: 1}\n")
              .find("p.yaml:5: the group b with the number 1 contradicts") == 0);
    CHECK(parse("users: [{name: a, uid: 4294967294}]\n"));
    CHECK(users("  - {name: a, uid: 4294967295}\n").find("a number from 0 to 4294967294") !=
          std::string::npos);
    CHECK(parse("users: [{name: " + std::string(32, 'a') + ", uid: 1}]\n"));
    CHECK(users("  - {name: " + std::string(33, 'a') + ", uid: 1}\n").find("at most 32") !=
          std::string::npos);
}
