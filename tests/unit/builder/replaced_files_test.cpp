#include "builder/image/replaced_files.hpp"

#include <unistd.h>

#include "lib/base/child.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/builder/build_site.hpp"

// The rule of dpkg about a file that two packages have, held against dpkg.

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

constexpr std::size_t most_packages = 3;
const std::string shared = "srv/shared";

struct Made {
    std::string name;
    std::string version;
    std::string replaces;
    std::string provides;
    std::filesystem::path deb;
};

// Packages that all have one file, each with its name in it; each kind is built once.
class Packages {
  public:
    const Made& get(const std::string& name, const std::string& replaces,
                    const std::string& version = "1.5", const std::string& provides = "") {
        auto [found, added] = made_.try_emplace(join({name, version, replaces, provides}, "\n"));
        Made& made = found->second;
        if (!added) return made;
        PackageSpec spec{name, version, {{shared, name}, {"srv/" + name, "own"}}};
        if (!replaces.empty()) spec.fields += "Replaces: " + replaces + "\n";
        if (!provides.empty()) spec.fields += "Provides: " + provides + "\n";
        std::filesystem::path folder = folder_ / std::to_string(made_.size());
        std::filesystem::create_directories(folder);
        made = {name, version, replaces, provides, make_deb(folder, spec)};
        return made;
    }

    // What dpkg leaves at the path after unpacking them in this order; empty: it refuses.
    std::string by_dpkg(const std::vector<Made>& packages) {
        std::filesystem::path root = folder_ / "root";
        std::filesystem::remove_all(root);
        for (const char* part : {"var/lib/dpkg/info", "var/lib/dpkg/updates"})
            std::filesystem::create_directories(root / part);
        spill(root / "var/lib/dpkg/status", "");
        std::vector<std::string> command;
        if (::geteuid() != 0) command = {"unshare", "--map-root-user"};
        command.insert(command.end(), {"dpkg", "--root=" + root.string(), "--force-bad-path",
                                       "--log=/dev/null", "--unpack"});
        // One after another, as the order in which dpkg takes several is its own.
        for (const Made& package : packages) {
            auto words = command;
            words.push_back(package.deb.string());
            auto done = run_command(words);
            REQUIRE(done);
            INFO(done->err);
            if (done->exit_code != 0) {
                REQUIRE(done->err.find("trying to overwrite") != std::string::npos);
                return {};
            }
        }
        return slurp(root / shared);
    }

  private:
    TempDir folder_ = TempDir::create().value();
    std::map<std::string, Made> made_;
};

// The same by our rule: who is left with the file.
std::string by_us(const std::vector<Made>& packages) {
    Tree::Entries entries = {{shared, Entry::file(FileContent::bytes("x"), "p")}};
    std::vector<OwnedFiles> owned;
    for (const Made& package : packages)
        owned.push_back({package.name, package.version, package.replaces, &entries});
    auto lost = replaced_files(owned);
    std::string winner;
    for (std::size_t i = 0; i < packages.size(); ++i) {
        if (lost[i].count(shared) != 0) continue;
        if (!winner.empty()) return {};
        winner = packages[i].name;
    }
    return winner;
}

std::string told(const std::vector<Made>& packages) {
    std::string text;
    for (const Made& package : packages)
        text += package.name + " " + package.version + " replaces \"" + package.replaces + "\"; ";
    return text;
}

}  // namespace

TEST_CASE("of two packages the one that replaces the other has the file, as with dpkg") {
    Packages packages;
    // Of the other package: nothing, any version, versions that fit and that do not, another one,
    // what it provides.
    auto fields = [](const std::string& other) {
        return std::vector<std::string>{"",
                                        other,
                                        other + " (<< 2)",
                                        other + " (>> 2)",
                                        "else, " + other + " (= 1.5)",
                                        other + "-virtual",
                                        other + " (<< 1.5)"};
    };
    for (const std::string& of_first : fields("second"))
        for (const std::string& of_second : fields("first")) {
            std::vector<Made> both = {packages.get("first", of_first, "1.5", "first-virtual"),
                                      packages.get("second", of_second, "1.5", "second-virtual")};
            INFO(told(both));
            CHECK(by_us(both) == packages.by_dpkg(both));
        }
}

TEST_CASE("of three packages, whoever replaces whom, as with dpkg") {
    Packages packages;
    const std::vector<std::string> names = {"first", "second", "third"};
    constexpr unsigned relations = most_packages * (most_packages - 1);
    for (unsigned bits = 0; bits < 1U << relations; ++bits) {
        std::vector<Made> all;
        unsigned bit = 0;
        for (const std::string& name : names) {
            std::vector<std::string> replaced;
            for (const std::string& other : names)
                if (other != name && (bits >> bit++ & 1U) != 0) replaced.push_back(other);
            all.push_back(packages.get(name, join(replaced, ", ")));
        }
        INFO(told(all));
        CHECK(by_us(all) == packages.by_dpkg(all));
    }
}

TEST_CASE("directories are shared, and a field that cannot be read replaces nothing") {
    Tree::Entries one = {{"srv", Entry::directory("p")},
                         {"srv/a", Entry::file(FileContent::bytes("x"), "p")}};
    auto lost = [&](const std::string& replaces) {
        return replaced_files({{"a", "1", replaces, &one}, {"b", "1", "", &one}});
    };
    CHECK(lost("b")[1] == std::set<std::string>{"srv/a"});
    CHECK(lost("b")[0].empty());
    CHECK(lost("b (1)")[1].empty());
    CHECK(lost("a")[0].empty());  // itself
    CHECK(replaced_files({}).empty());
}

TEST_CASE("an image has the file of the package that replaces the other") {
    BuildSite site;
    auto deb = [&](const std::string& name, const std::string& fields) {
        PackageSpec spec{name, "1.5", {{shared, name}, {"srv/" + name, "own"}}};
        spec.fields = fields;
        site.packages[name] = make_deb(site.folder.path(), spec);
    };
    deb("old", "");
    deb("new", "");
    const std::string profile = "packages: [old, new]\n";
    CHECK(site.failure(profile).find(
              "/srv/shared comes from package file:new and, different, from package file:old") ==
          0);
    deb("new", "Replaces: old (<< 1.5)\n");
    CHECK(site.failure(profile).find("package file:new and, different, from package file:old") !=
          std::string::npos);
    deb("new", "Replaces: old (<< 2)\nBreaks: old (<< 1)\n");
    std::string first;
    // From nothing, and from what was kept of that.
    for (int i = 0; i < 2; ++i) {
        auto image = site.build(profile);
        if (!image) FAIL(image.error().to_string());
        std::vector<std::string> origins;
        for (const Segment& segment : image->segments) {
            auto found = segment.entries.find(shared);
            if (found != segment.entries.end()) origins.push_back(found->second.origin);
            if (segment.name == "package file:old") CHECK(segment.entries.count("srv/old") == 1);
            if (i > 0) CHECK(segment.from_cache);
        }
        CHECK(origins == std::vector<std::string>{"package file:new"});
        Inspection inspection = site.inspect();
        REQUIRE(find(inspection, shared) != nullptr);
        CHECK(find(inspection, shared)->size == std::string("new").size());
        std::string bytes = slurp(site.options.out / "initramfs");
        first = first.empty() ? bytes : first;
        CHECK(bytes == first);
    }
    // Without the other one it has its file again.
    auto alone = site.build("packages: [old]\n");
    REQUIRE(alone);
    Inspection inspection = site.inspect();
    CHECK(find(inspection, shared) != nullptr);
}
