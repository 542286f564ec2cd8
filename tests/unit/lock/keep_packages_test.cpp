#include "builder/image/keep_packages.hpp"

#include <catch2/catch.hpp>

#include "builder/debian/resolver.hpp"
#include "builder/image/lock_profile.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

struct Line {
    std::string name;
    std::string version;
    std::string depends = {};
};

// A mirror, as far as choosing goes.
class Mirror final : public PackageSource {
  public:
    explicit Mirror(const std::vector<Line>& lines) {
        std::string text;
        for (const Line& line : lines) {
            text += "Package: " + line.name + "\nVersion: " + line.version +
                    "\nArchitecture: amd64\nFilename: pool/x.deb\nSize: 1\nSHA256: " +
                    std::string(64, '1') + "\n";
            if (!line.depends.empty()) text += "Depends: " + line.depends + "\n";
            text += "\n";
        }
        REQUIRE(index_.add(text, "amd64", 0));
        index_.finish();
    }
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        OSIEKIT_ASSIGN(auto chosen, builder::resolve(index_, query));
        std::vector<LocatedPackage> packages;
        for (const PackageRecord* record : chosen) {
            LocatedPackage package;
            package.name = record->name;
            package.version = record->version;
            package.architecture = "amd64";
            packages.push_back(std::move(package));
        }
        return packages;
    }
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch&) override {
        return packages;
    }

  private:
    PackageIndex index_;
};

Profile profile_of(const std::string& packages) {
    auto profile = parse_profile(
        "name: t\narch: amd64\nkernel: {package: kernel}\npackages: [" + packages + "]\n", "p.yaml",
        "");
    REQUIRE(profile);
    return *profile;
}

// "b=1 kernel=1", as a lock of now has it, or the error.
std::string locked(const std::vector<Line>& mirror, const std::string& packages,
                   std::vector<LockedPackage>& lock, const std::vector<std::string>& move = {}) {
    Profile profile = profile_of(packages);
    auto source = keep_packages(profile, lock, move, std::make_shared<Mirror>(mirror));
    if (!source) return source.error().to_string();
    auto found = find_packages(profile, **source, false);
    if (!found) return found.error().to_string();
    lock = lock_packages(*found).value();
    std::string text;
    for (const LockedPackage& package : lock)
        text += (text.empty() ? "" : " ") + package.name + "=" + package.version;
    return text;
}

const std::vector<Line> old_mirror = {
    {"kernel", "1"}, {"a", "1", "lib"}, {"b", "1", "lib"}, {"c", "1"}, {"lib", "1"}};
// The old packages are still there.
std::vector<Line> new_mirror() {
    std::vector<Line> lines = old_mirror;
    for (const Line& line :
         {Line{"kernel", "2"}, Line{"a", "2", "lib (>= 2)"}, Line{"b", "2", "lib"}, Line{"c", "2"},
          Line{"lib", "2"}, Line{"lib", "3"}})
        lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("what a lock has stays when the profile asks for more or less") {
    std::vector<LockedPackage> lock;
    REQUIRE(locked(old_mirror, "a", lock) == "a=1 kernel=1 lib=1");
    CHECK(locked(new_mirror(), "a, c", lock) == "a=1 c=2 kernel=1 lib=1");
    CHECK(locked(new_mirror(), "b, c", lock) == "b=2 c=2 kernel=1 lib=1");
    CHECK(locked(new_mirror(), "c", lock) == "c=2 kernel=1");
    // What must move moves.
    lock.clear();
    REQUIRE(locked(old_mirror, "b", lock) == "b=1 kernel=1 lib=1");
    CHECK(locked(new_mirror(), "b, \"a=2\"", lock) == "a=2 b=1 kernel=1 lib=3");
}

TEST_CASE("packages move by name, with what they force") {
    std::vector<LockedPackage> first;
    REQUIRE(locked(old_mirror, "a, b, c", first) == "a=1 b=1 c=1 kernel=1 lib=1");
    auto moved = [&](const std::vector<std::string>& names) {
        std::vector<LockedPackage> lock = first;
        return locked(new_mirror(), "a, b, c", lock, names);
    };
    CHECK(moved({}) == "a=1 b=1 c=1 kernel=1 lib=1");
    CHECK(moved({"c"}) == "a=1 b=1 c=2 kernel=1 lib=1");
    CHECK(moved({"b"}) == "a=1 b=2 c=1 kernel=1 lib=1");
    CHECK(moved({"a"}) == "a=2 b=1 c=1 kernel=1 lib=3");
    CHECK(moved({"lib", "kernel"}) == "a=1 b=1 c=1 kernel=2 lib=3");
    CHECK(moved({"bb"}) ==
          "--update: neither the lock nor the profile has a package \"bb\" (hint: did you mean "
          "\"b\"?)");
}

TEST_CASE("a package that is new in the profile may be named among those that move") {
    std::vector<LockedPackage> lock;
    REQUIRE(locked(old_mirror, "a", lock) == "a=1 kernel=1 lib=1");
    auto with = [&](const std::string& packages, const std::vector<std::string>& names) {
        std::vector<LockedPackage> now = lock;
        return locked(new_mirror(), packages, now, names);
    };
    CHECK(with("a, c", {"c"}) == "a=1 c=2 kernel=1 lib=1");
    CHECK(with("a, \"c=1\"", {"c"}) == "a=1 c=1 kernel=1 lib=1");
    CHECK(with("a, c", {"c", "lib"}) == "a=1 c=2 kernel=1 lib=3");
    CHECK(with("a", {"c"}).find("neither the lock nor the profile has") != std::string::npos);
}

TEST_CASE("what is to move stays where the profile holds it, and goes where nobody needs it") {
    std::vector<LockedPackage> lock;
    REQUIRE(locked(old_mirror, "a, \"c=1\"", lock) == "a=1 c=1 kernel=1 lib=1");
    CHECK(locked(new_mirror(), "a, \"c=1\"", lock, {"c"}) == "a=1 c=1 kernel=1 lib=1");
    CHECK(locked(new_mirror(), "\"c=1\"", lock, {"lib"}) == "c=1 kernel=1");
}

TEST_CASE("what the mirror has no longer moves on") {
    std::vector<LockedPackage> lock;
    REQUIRE(locked(old_mirror, "a, c", lock) == "a=1 c=1 kernel=1 lib=1");
    std::vector<Line> mirror = new_mirror();
    std::erase_if(mirror,
                  [](const Line& line) { return line.name == "lib" && line.version == "1"; });
    CHECK(locked(mirror, "a, b, c", lock) == "a=1 b=2 c=1 kernel=1 lib=3");
}
