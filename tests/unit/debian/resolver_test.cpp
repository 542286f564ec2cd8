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
    std::string more = {};  // other fields, each with its line end
};

PackageIndex index_of(const std::vector<Line>& lines) {
    std::string text;
    for (const Line& line : lines) {
        text += "Package: " + line.name + "\nVersion: " + line.version +
                "\nArchitecture: " + line.architecture + "\nFilename: pool/" + line.name +
                ".deb\nSize: 1\nSHA256: " + std::string(64, '1') + "\n";
        if (!line.depends.empty()) text += "Depends: " + line.depends + "\n";
        if (!line.provides.empty()) text += "Provides: " + line.provides + "\n";
        text += line.more + "\n";
    }
    PackageIndex index;
    REQUIRE(index.add(text, "amd64", 0));
    index.finish();
    return index;
}

// "a=1 b=2", or the error.
std::string answer(const PackageIndex& index, const PackageQuery& query) {
    auto chosen = resolve(index, query);
    if (!chosen) return chosen.error().to_string();
    std::string text;
    for (const PackageRecord* record : *chosen)
        text += (text.empty() ? "" : " ") + std::string(record->name) + "=" +
                std::string(record->version);
    return text;
}

std::string resolved(const std::vector<Line>& lines, const std::vector<std::string>& names,
                     const Dependencies& dependencies = Dependencies::all()) {
    return answer(index_of(lines), query_of(PackageSystem::debian, names, dependencies));
}

// Two packages that cannot be had together.
std::string clash(const std::string& one, const std::string& other) {
    return one + " and " + other + " exclude each other";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the newest version is taken, or the one that is asked for") {
    std::vector<Line> lines = {{"a", "1.9"}, {"a", "1.10"}, {"a", "1.10~rc1"}};
    CHECK(resolved(lines, {"a"}) == "a=1.10");
    CHECK(resolved(lines, {"a=1.9"}) == "a=1.9");
    CHECK(resolved(lines, {"a=3"}) ==
          "package a=3 cannot be found; a 1.10 is there, a 1.10~rc1 is there, a 1.9 is there");
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
                    {"b", "1", "", "", "amd64", "Multi-Arch: allowed\n"},
                    {"c", "1", "", "", "all"},
                    {"d", "1"}},
                   {"a"}) == "a=1 b=1 c=1 d=1");
    CHECK(has(resolved({{"a", "1", "b:arm64"}, {"b", "1"}}, {"a"}), "b:arm64"));
    // Only a package that says so serves every architecture.
    CHECK(has(resolved({{"a", "1", "b:any"}, {"b", "1"}}, {"a"}),
              "package b:any cannot be found: a was asked for -> a 1 depends on b:any; b 1 is "
              "there"));
    // Restrictions to architectures are for source packages.
    CHECK(has(resolved({{"a", "1", "b [amd64]"}, {"b", "1"}}, {"a"}), "not a package relation"));
}

TEST_CASE("circles end") {
    CHECK(resolved({{"a", "1", "b"}, {"b", "1", "c"}, {"c", "1", "a"}}, {"b"}) == "a=1 b=1 c=1");
    CHECK(resolved({{"a", "1", "b", "", "amd64", "Pre-Depends: c\n"},
                    {"b", "1", "a (= 1)"},
                    {"c", "1", "a | b"}},
                   {"a"}) == "a=1 b=1 c=1");
    // Two circles of Pre-Depends that meet in one package, entered from every side. dpkg could not
    // configure them; here nothing is configured, the files are what counts.
    auto pre = [](const char* name, const std::string& wants) {
        return Line{name, "1", "", "", "amd64", "Pre-Depends: " + wants + "\n"};
    };
    std::vector<Line> two = {pre("a", "b"), pre("b", "a, c"), pre("c", "d (= 1)"),
                             pre("d", "e | f"), pre("e", "c, b")};
    for (const char* name : {"a", "b", "c", "d", "e"})
        CHECK(resolved(two, {name}) == "a=1 b=1 c=1 d=1 e=1");
    // What one of them lacks is told by a chain that ends.
    two.back() = pre("e", "c, b, gone");
    CHECK(has(resolved(two, {"a"}), "e 1 pre-depends on gone"));
}

TEST_CASE("a missing package is explained with the chain of who wants it") {
    CHECK(resolved({{"a", "1", "b"}, {"b", "2", "libz9 (>= 2)"}}, {"a"}) ==
          "package libz9 (>= 2) does not exist in the configured sources: a was asked for -> a 1 "
          "depends on b -> b 2 depends on libz9 (>= 2) (hint: check the name, and the components "
          "and suites of the host's apt sources)");
    CHECK(resolved({{"a", "1", "", "", "amd64", "Pre-Depends: libz9 (>= 2)\n"},
                    {"libz9", "1.9"},
                    {"libz10", "3", "", "libz9"}},
                   {"a"}) ==
          "package libz9 (>= 2) cannot be found: a was asked for -> a 1 pre-depends on libz9 (>= "
          "2); libz9 1.9 is there, libz10 3 provides libz9 without a version");
    CHECK(
        resolved({{"aaaa", "1", "x | y"}}, {"aaaa"}) ==
        "none of the packages x | y exists in the configured sources: aaaa was asked for -> aaaa 1 "
        "depends on x | y (hint: check the name, and the components and suites of the host's "
        "apt sources)");
    CHECK(resolved({{"linux-image", "1"}}, {"linux-imgae"}) ==
          "package linux-imgae does not exist in the configured sources (hint: did you mean "
          "\"linux-image\"?)");
}

TEST_CASE("conflicts and breaks: by name, by version, by provision") {
    auto said = [](const std::string& field) {
        return std::vector<Line>{{"a", "1", "", "", "amd64", field + "\n"},
                                 {"b", "1"},
                                 {"p", "1", "", "b"},
                                 {"q", "1", "", "b (= 3)"}};
    };
    for (const char* field : {"Conflicts", "Breaks"}) {
        std::string name(field);
        CHECK(has(resolved(said(name + ": b"), {"a", "b"}),
                  clash("b 1", "a 1") + ": a 1 says \"" + name +
                      ": b\"; b was asked for; a was asked for"));
        CHECK(has(resolved(said(name + ": b"), {"b", "a"}), clash("a 1", "b 1")));
        CHECK(has(resolved(said(name + ": b (<< 2)"), {"b", "a"}), clash("a 1", "b 1")));
        CHECK(resolved(said(name + ": b (>= 2)"), {"a", "b"}) == "a=1 b=1");
        CHECK(resolved(said(name + ": b (>= 2)"), {"b", "a"}) == "a=1 b=1");
        // Without a version in the conflict, everybody who provides the name is meant; with one,
        // only those whose provision has a version that fits.
        CHECK(has(resolved(said(name + ": b"), {"a", "p"}),
                  clash("p 1", "a 1") + ": a 1 says \"" + name + ": b\", and p 1 provides b"));
        CHECK(has(resolved(said(name + ": b"), {"p", "a"}), clash("a 1", "p 1")));
        CHECK(resolved(said(name + ": b (<< 9)"), {"a", "p"}) == "a=1 p=1");
        CHECK(resolved(said(name + ": b (<< 9)"), {"p", "a"}) == "a=1 p=1");
        CHECK(has(resolved(said(name + ": b (<< 9)"), {"a", "q"}), clash("q 1", "a 1")));
        CHECK(has(resolved(said(name + ": b (<< 9)"), {"q", "a"}), clash("a 1", "q 1")));
        CHECK(resolved(said(name + ": b (>> 3)"), {"a", "q"}) == "a=1 q=1");
    }
}

TEST_CASE("a package does not conflict with itself, and one of a kind is chosen") {
    // Policy 7.6.2: one mail server at a time.
    std::string one = "Conflicts: mta\nReplaces: mta\n";
    std::vector<Line> lines = {{"exim", "4", "", "mta", "amd64", one},
                               {"postfix", "3", "", "mta", "amd64", one},
                               {"mailer", "1", "exim | mta"},
                               {"reader", "1", "postfix | mta"},
                               {"strict", "1", "postfix"}};
    CHECK(resolved(lines, {"exim"}) == "exim=4");
    CHECK(resolved(lines, {"mailer", "reader"}) == "exim=4 mailer=1 reader=1");
    CHECK(resolved(lines, {"mailer", "strict"}) == "mailer=1 postfix=3 strict=1");
    CHECK(has(resolved(lines, {"exim", "strict"}), clash("postfix 3", "exim 4")));
    CHECK(has(resolved(lines, {"exim", "strict"}),
              "strict was asked for -> strict 1 depends on postfix; exim was asked for"));
}

TEST_CASE("a choice that a conflict makes impossible is made otherwise") {
    std::string bans = "Conflicts: b\n";
    CHECK(resolved({{"a", "1", "b | c"}, {"b", "1"}, {"c", "1"}, {"z", "1", "", "", "amd64", bans}},
                   {"a", "z"}) == "a=1 c=1 z=1");
    // The conflict shows long after the choice, and other choices lie between.
    std::vector<Line> lines = {{"a", "1", "b | c"},
                               {"b", "1"},
                               {"c", "1"},
                               {"z", "1", "y"},
                               {"y", "1", "", "", "amd64", bans}};
    std::string between;
    for (int i = 0; i < 40; ++i) {
        std::string n = std::to_string(i);
        lines.push_back({"l" + n, "1"});
        lines.push_back({"r" + n, "1"});
        between += ", l" + n + " | r" + n;
    }
    lines.push_back({"between", "1", between.substr(2)});
    std::string chosen = resolved(lines, {"a", "between", "z"});
    CHECK(has(chosen, "c=1"));
    CHECK_FALSE(has(chosen, " b=1"));
    CHECK(has(chosen, "l39=1"));
    // An older version is taken where the newest conflicts.
    CHECK(resolved({{"a", "1", "b"}, {"b", "2", "", "", "amd64", "Breaks: a\n"}, {"b", "1"}},
                   {"a"}) == "a=1 b=1");
}

TEST_CASE("a set that nobody finds is given up") {
    // Eleven that each need one of ten places of their own.
    std::vector<Line> lines;
    std::vector<std::string> names;
    constexpr int places = 10;
    for (int i = 0; i <= places; ++i) {
        std::string wants;
        for (int k = 0; k < places; ++k) {
            std::string place = "place" + std::to_string(k);
            std::string seat = "seat" + std::to_string(i) + "." + std::to_string(k);
            wants += (k == 0 ? "" : " | ") + seat;
            lines.push_back({seat, "1", "", place, "amd64", "Conflicts: " + place + "\n"});
        }
        names.push_back("guest" + std::to_string(i));
        lines.push_back({names.back(), "1", wants});
    }
    PackageIndex index = index_of(lines);
    auto chosen = resolve(index, query_of(PackageSystem::debian, names));
    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().kind() == ErrorKind::limit);
    names.pop_back();
    CHECK(resolve(index, query_of(PackageSystem::debian, names)).value().size() == 2 * places);
}

TEST_CASE("versions and suites that are asked for hold for everybody") {
    std::vector<Line> lines = {{"a", "1", "b"}, {"b", "1"}, {"b", "2"}, {"c", "1", "b (>= 2)"}};
    CHECK(resolved(lines, {"a", "b=1"}) == "a=1 b=1");
    CHECK(has(resolved(lines, {"c", "b=1"}),
              "b 2 and b 1 exclude each other: a package is there in one version; c was asked for "
              "-> c 1 depends on b (>= 2); b=1 was asked for"));
    auto text = [](const std::string& name, const std::string& version,
                   const std::string& depends) {
        return "Package: " + name + "\nVersion: " + version +
               "\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 1\nSHA256: " +
               std::string(64, '1') + "\n" + (depends.empty() ? "" : "Depends: " + depends + "\n") +
               "\n";
    };
    PackageIndex index;
    REQUIRE(index.add(text("a", "1", "b") + text("b", "1", ""), "amd64", 0,
                      {"bookworm", {"stable"}, true}));
    REQUIRE(index.add(text("a", "2", "b (>= 2)") + text("b", "2", ""), "amd64", 1,
                      {"bookworm-backports", {}, false}));
    index.finish();
    auto ask = [&](const std::vector<std::string>& names) {
        return answer(index, query_of(PackageSystem::debian, names));
    };
    // What is not automatic is only taken where it is asked for, or needed by what is.
    CHECK(ask({"a"}) == "a=1 b=1");
    CHECK(ask({"a/bookworm-backports"}) == "a=2 b=2");
    CHECK(ask({"a=2"}) == "a=2 b=2");
    CHECK(ask({"b/bookworm-backports", "a/stable"}) == "a=1 b=2");
    CHECK(has(ask({"a/bookworm-backports", "b/stable"}),
              "b 2 and b 1 exclude each other: a package is there in one version; "
              "a/bookworm-backports was asked for -> a 2 depends on b (>= 2); b/stable was asked "
              "for"));
    CHECK(
        has(ask({"a/sid"}), "a 1 is there, from bookworm, a 2 is there, from bookworm-backports"));
}

TEST_CASE("what is preferred stays where it serves") {
    std::vector<Line> lines = {{"a", "1", "b | c"},
                               {"b", "1"},
                               {"b", "2"},
                               {"c", "1"},
                               {"c", "2"},
                               {"d", "1", "c (>= 2)"},
                               {"m", "1", "mta"},
                               {"exim", "4", "", "mta"},
                               {"postfix", "3", "", "mta"}};
    auto ask = [&](const std::vector<std::string>& names,
                   std::map<std::string, std::string, std::less<>> prefer) {
        PackageQuery query = query_of(PackageSystem::debian, names);
        query.prefer = std::move(prefer);
        return answer(index_of(lines), query);
    };
    CHECK(ask({"a"}, {}) == "a=1 b=2");
    CHECK(ask({"a"}, {{"b", "1"}}) == "a=1 b=1");
    CHECK(ask({"a"}, {{"c", "1"}}) == "a=1 c=1");
    CHECK(ask({"a", "d"}, {{"c", "1"}}) == "a=1 c=2 d=1");
    CHECK(ask({"a"}, {{"b", "0.9"}}) == "a=1 b=2");
    CHECK(ask({"m"}, {{"postfix", "3"}}) == "m=1 postfix=3");
}

TEST_CASE("what is excluded is not missed, and packages stand alone where they are told to") {
    std::vector<Line> lines = {{"a", "1", "b, c"},
                               {"b", "1", "missing", "", "amd64", "Breaks: c\n"},
                               {"c", "1"},
                               {"d", "1", "b | c"}};
    PackageQuery query = query_of(PackageSystem::debian, {"a", "d"});
    query.exclude.push_back({"b", {}});
    CHECK(answer(index_of(lines), query) == "a=1 c=1 d=1");
    query.exclude.clear();
    query.no_deps.push_back({"b", {}});
    CHECK(answer(index_of(lines), query) == "a=1 b=1 c=1 d=1");
    // Others may still conflict with it.
    lines[2].more = "Conflicts: b\n";
    CHECK(has(answer(index_of(lines), query), clash("c 1", "b 1")));
}

TEST_CASE("providers are preferred as apt prefers them") {
    CHECK(resolved({{"a", "1", "v"},
                    {"p1", "1", "", "v", "amd64", "Priority: optional\n"},
                    {"p2", "1", "", "v", "amd64", "Priority: important\n"}},
                   {"a"}) == "a=1 p2=1");
    CHECK(resolved({{"a", "1", "v"},
                    {"p1", "1", "", "v", "amd64", "Priority: required\n"},
                    {"p2", "1", "", "v", "amd64", "Essential: yes\n"}},
                   {"a"}) == "a=1 p2=1");
}

TEST_CASE("names that are none, and relations that cannot be read") {
    PackageIndex index = index_of({{"a", "1", "b ("}});
    for (const char* name : {"", "-x", "a b", "a=", "../a", "a/", "a\nb"})
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
    CHECK(has(text,
              "c 2 and c 1 exclude each other: a package is there in one version; a was asked "
              "for -> a 1 depends on b -> b 1 depends on c (= 2); a was asked for -> a 1 "
              "depends on c (= 1)"));
}

TEST_CASE("a chain may be as long as it likes") {
    constexpr std::size_t depth = 20'000;
    std::vector<Line> lines;
    for (std::size_t i = 1; i < depth; ++i)
        lines.push_back({"p" + std::to_string(i), "1", "p" + std::to_string(i + 1)});
    lines.push_back({"p" + std::to_string(depth), "1"});
    PackageIndex index = index_of(lines);
    CHECK(resolve(index, query_of(PackageSystem::debian, {"p1"})).value().size() == depth);
}
