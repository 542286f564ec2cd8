#include "builder/debian/resolver.hpp"

#include <catch2/catch.hpp>

using namespace osiekit;
using namespace osiekit::builder;

namespace {

struct Line {
    std::string name;
    std::string version;
    std::string depends = {};
    std::string provides = {};
    std::string architecture = "amd64";
};

PackageIndex index_of(const std::vector<Line>& lines) {
    std::string text;
    for (const Line& line : lines) {
        text += "Package: " + line.name + "\nVersion: " + line.version +
                "\nArchitecture: " + line.architecture + "\nFilename: pool/" + line.name +
                ".deb\nSize: 1\nSHA256: " + std::string(64, '1') + "\n";
        if (!line.depends.empty()) text += "Depends: " + line.depends + "\n";
        if (!line.provides.empty()) text += "Provides: " + line.provides + "\n";
        text += "\n";
    }
    PackageIndex index;
    REQUIRE(index.add(text, "amd64", 0));
    index.finish();
    return index;
}

// "a=1 b=2", or the error.
std::string resolved(const std::vector<Line>& lines, const std::vector<std::string>& names,
                     const Dependencies& dependencies = Dependencies::all()) {
    PackageIndex index = index_of(lines);
    auto chosen = resolve(index, query_of(PackageSystem::debian, names, dependencies));
    if (!chosen) return chosen.error().to_string();
    std::string text;
    for (const PackageRecord* record : *chosen)
        text += (text.empty() ? "" : " ") + std::string(record->name) + "=" +
                std::string(record->version);
    return text;
}

}  // namespace

TEST_CASE("the newest version is taken, or the one that is asked for") {
    std::vector<Line> lines = {{"a", "1.9"}, {"a", "1.10"}, {"a", "1.10~rc1"}};
    CHECK(resolved(lines, {"a"}) == "a=1.10");
    CHECK(resolved(lines, {"a=1.9"}) == "a=1.9");
    CHECK(resolved(lines, {"a=3"}).find("newest a in the configured sources is 1.10") !=
          std::string::npos);
}

TEST_CASE("packages of other architectures do not count") {
    CHECK(resolved({{"a", "1"}, {"a", "2", "", "", "arm64"}, {"b", "1", "", "", "all"}},
                   {"a", "b"}) == "a=1 b=1");
}

TEST_CASE("dependencies: none, all, or by prefix") {
    std::vector<Line> lines = {
        {"linux-image-cloud-amd64", "6", "linux-image-6.1 (= 6), other"},
        {"linux-image-6.1", "6", "kmod, initramfs-tools | linux-initramfs-tool"},
        {"kmod", "1"},
        {"initramfs-tools", "1"},
        {"other", "1"}};
    CHECK(resolved(lines, {"linux-image-cloud-amd64"}, Dependencies::none()) ==
          "linux-image-cloud-amd64=6");
    CHECK(resolved(lines, {"linux-image-cloud-amd64"}, Dependencies::pattern("linux-image-")) ==
          "linux-image-6.1=6 linux-image-cloud-amd64=6");
    CHECK(resolved(lines, {"linux-image-cloud-amd64"}) ==
          "initramfs-tools=1 kmod=1 linux-image-6.1=6 linux-image-cloud-amd64=6 other=1");
}

TEST_CASE("alternatives: what is chosen already, then the first that exists") {
    CHECK(resolved({{"a", "1", "b | c"}, {"b", "1"}, {"c", "1"}}, {"a"}) == "a=1 b=1");
    CHECK(resolved({{"a", "1", "b | c"}, {"b", "1"}, {"c", "1"}}, {"c", "a"}) == "a=1 c=1");
    CHECK(resolved({{"a", "1", "missing | c"}, {"c", "1"}}, {"a"}) == "a=1 c=1");
    // b exists but cannot be had: the choice is undone, with what it brought.
    CHECK(resolved({{"a", "1", "b | c"}, {"b", "1", "d, missing"}, {"c", "1"}, {"d", "1"}},
                   {"a"}) == "a=1 c=1");
}

TEST_CASE("an older version serves where the newest does not") {
    CHECK(resolved({{"a", "1", "b (<< 2)"}, {"b", "1"}, {"b", "2"}}, {"a"}) == "a=1 b=1");
    CHECK(resolved({{"a", "1", "b"}, {"b", "1"}, {"b", "2", "missing"}}, {"a"}) == "a=1 b=1");
}

TEST_CASE("virtual packages") {
    std::vector<Line> lines = {
        {"a", "1", "mta"}, {"exim", "4", "", "mta"}, {"postfix", "3", "", "mta"}};
    CHECK(resolved(lines, {"a"}) == "a=1 exim=4");
    CHECK(resolved(lines, {"postfix", "a"}) == "a=1 postfix=3");
    CHECK(resolved(lines, {"mta"}).find("exim, postfix") != std::string::npos);
    // A real package comes before providers.
    lines.push_back({"mta", "1"});
    CHECK(resolved(lines, {"a"}) == "a=1 mta=1");
    // Only a versioned provision satisfies a versioned relation.
    CHECK(resolved({{"a", "1", "v (>= 2)"}, {"p", "9", "", "v"}}, {"a"}).find("v (>= 2)") !=
          std::string::npos);
    CHECK(resolved({{"a", "1", "v (>= 2)"}, {"p", "9", "", "v (= 2.1)"}}, {"a"}) == "a=1 p=9");
    CHECK(resolved({{"a", "1"}, {"p", "9", "", "v"}}, {"v"}) == "p=9");
}

TEST_CASE("architecture qualifiers") {
    CHECK(resolved({{"a", "1", "b:any, c:amd64, d:native"},
                    {"b", "1"},
                    {"c", "1", "", "", "all"},
                    {"d", "1"}},
                   {"a"}) == "a=1 b=1 c=1 d=1");
    CHECK(resolved({{"a", "1", "b:arm64"}, {"b", "1"}}, {"a"}).find("b:arm64") !=
          std::string::npos);
}

TEST_CASE("circles end") {
    CHECK(resolved({{"a", "1", "b"}, {"b", "1", "c"}, {"c", "1", "a"}}, {"b"}) == "a=1 b=1 c=1");
}

TEST_CASE("a missing package is explained with the chain of who wants it") {
    CHECK(
        resolved({{"a", "1", "b"}, {"b", "2", "libz9 (>= 2)"}}, {"a"}) ==
        "package libz9 (>= 2) does not exist in the configured sources, wanted by b 2, wanted by a "
        "1, which was asked for (hint: check the name, and the components and suites of the host's "
        "apt sources)");
    CHECK(resolved({{"a", "1", "libz9 (>= 2)"}, {"libz9", "1.9"}}, {"a"}) ==
          "package libz9 (>= 2) cannot be found, wanted by a 1, which was asked for (hint: the "
          "newest "
          "libz9 in the configured sources is 1.9)");
    CHECK(resolved({{"linux-image", "1"}}, {"linux-imgae"}) ==
          "package linux-imgae does not exist in the configured sources (hint: did you mean "
          "\"linux-image\"?)");
}

TEST_CASE("names that are none, and relations that cannot be read") {
    PackageIndex index = index_of({{"a", "1", "b ("}});
    for (const char* name : {"", "-x", "a b", "a=", "../a", "a/b"})
        CHECK(resolve(index, query_of(PackageSystem::debian, {name}, Dependencies::all()))
                  .error()
                  .kind() == ErrorKind::invalid_input);
    CHECK(resolve(index, query_of(PackageSystem::debian, {"a"}, Dependencies::all()))
              .error()
              .to_string()
              .find("a 1") != std::string::npos);
    CHECK(resolve(index, query_of(PackageSystem::debian, {"a"}, Dependencies::none())));
}

TEST_CASE("two versions of one name cannot both be had") {
    auto text =
        resolved({{"a", "1", "c (= 1), b"}, {"b", "1", "c (= 2)"}, {"c", "1"}, {"c", "2"}}, {"a"});
    CHECK(text.find("c 2 is needed, but c 1 is chosen already, wanted by b 1, wanted by a 1") !=
          std::string::npos);
}

TEST_CASE("chains are followed to the limit of depth and not beyond") {
    for (std::size_t depth : {std::size_t{250}, std::size_t{251}}) {
        std::vector<Line> lines;
        for (std::size_t i = 1; i < depth; ++i)
            lines.push_back({"p" + std::to_string(i), "1", "p" + std::to_string(i + 1)});
        lines.push_back({"p" + std::to_string(depth), "1"});
        PackageIndex index = index_of(lines);
        auto chosen = resolve(index, query_of(PackageSystem::debian, {"p1"}, Dependencies::all()));
        if (depth == 250) {
            CHECK(chosen.value().size() == depth);
        } else {
            CHECK(chosen.error().kind() == ErrorKind::limit);
        }
    }
}
