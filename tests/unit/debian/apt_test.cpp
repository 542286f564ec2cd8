// What we choose beside what apt chooses, from the same index.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <unordered_map>

#include "builder/debian/relation.hpp"
#include "builder/debian/resolver.hpp"
#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

using Set = std::set<std::string>;  // "name=version"

std::string text_of(const Set& set) {
    return join(std::vector<std::string>(set.begin(), set.end()), " ");
}

// Indexes of small worlds in which much goes wrong.
class World {
  public:
    explicit World(unsigned seed) : random_(seed) {
        for (int name = 0; name < names; ++name)
            for (int version = 1; version <= 1 + below(2); ++version) add(name, version);
    }
    const std::string& text() const { return text_; }
    std::vector<std::string> requests() {
        std::vector<std::string> wanted;
        while (wanted.size() < 2) {
            std::string name = package(below(names));
            if (std::find(wanted.begin(), wanted.end(), name) == wanted.end())
                wanted.push_back(name);
        }
        return wanted;
    }

  private:
    static constexpr int names = 14;
    static constexpr int virtuals = 4;

    int below(int limit) {
        // Not a distribution of the library: theirs differ between libraries.
        return static_cast<int>(random_() % static_cast<unsigned>(limit));
    }
    static std::string package(int number) { return "pkg" + std::to_string(number); }
    std::string any_name() {
        return below(4) == 0 ? "virtual" + std::to_string(below(virtuals)) : package(below(names));
    }
    std::string atom() {
        std::string text = any_name();
        if (below(12) == 0) text += ":any";
        constexpr const char* signs[] = {"<<", "<=", "=", ">=", ">>"};
        if (below(3) == 0)
            text += std::string(" (") + signs[below(5)] + " " + std::to_string(1 + below(2)) + ")";
        return text;
    }
    std::string list(int length, int alternatives) {
        std::vector<std::string> groups;
        for (int i = 0; i < length; ++i) {
            std::string group = atom();
            for (int k = below(alternatives); k > 0; --k) group += " | " + atom();
            groups.push_back(group);
        }
        return join(groups, ", ");
    }
    void add(int name, int version) {
        text_ += "Package: " + package(name) + "\nVersion: " + std::to_string(version) +
                 "\nArchitecture: " + (below(4) == 0 ? "all" : "amd64") +
                 "\nMaintainer: x\nDescription: x\nFilename: ./" + package(name) + "_" +
                 std::to_string(version) + ".deb\nSize: 1\nSHA256: " + std::string(64, '1') + "\n";
        constexpr const char* multi_arch[] = {"no", "foreign", "allowed", "same"};
        text_ += std::string("Multi-Arch: ") + multi_arch[below(4)] + "\n";
        constexpr const char* priority[] = {"required", "important", "optional"};
        text_ += std::string("Priority: ") + priority[below(3)] + "\n";
        if (name == 0) {
            text_ += "\n";
            return;
        }
        if (int length = below(4); length > 0) text_ += "Depends: " + list(length, 3) + "\n";
        // Never in circles: a set with those is whole, but dpkg has no order to unpack it in.
        if (below(6) == 0) text_ += "Pre-Depends: pkg0 (>= 1)\n";
        if (below(8) == 0) text_ += "Conflicts: " + list(1, 1) + "\n";
        if (below(8) == 0) text_ += "Breaks: " + list(1, 1) + "\n";
        if (below(3) == 0) {
            text_ += "Provides: virtual" + std::to_string(below(virtuals));
            if (below(2) == 0) text_ += " (= " + std::to_string(1 + below(2)) + ")";
            text_ += "\n";
        }
        text_ += "\n";
    }

    std::mt19937 random_;
    std::string text_;
};

class Apt {
  public:
    explicit Apt(const std::string& packages) {
        for (const char* folder : {"lists/partial", "cache/archives/partial", "etc"})
            std::filesystem::create_directories(folder_.path() / folder);
        REQUIRE(write_file(folder_.path() / "Packages", packages));
        REQUIRE(write_file(folder_.path() / "status", ""));
        // The machine's own configuration has no say.
        std::string settings =
            "APT::Architecture \"amd64\"; APT::Architectures { \"amd64\"; };\n"
            "Dir::Etc \"" +
            (folder_.path() / "etc").string() +
            "\";\n"
            "Dir::State \"" +
            folder_.path().string() +
            "\";\n"
            "Dir::State::status \"" +
            (folder_.path() / "status").string() +
            "\";\n"
            "Dir::Cache \"" +
            (folder_.path() / "cache").string() +
            "\";\n"
            "APT::Sandbox::User \"root\"; Debug::NoLocking \"true\";\n";
        REQUIRE(write_file(folder_.path() / "apt.conf", settings));
    }

    // What apt would install; nullopt: it finds no solution.
    std::optional<Set> install(const std::vector<std::string>& wanted, std::string& said) const {
        std::vector<std::string> command = {"env",
                                            "LC_ALL=C",
                                            "APT_CONFIG=" + (folder_.path() / "apt.conf").string(),
                                            "apt-get",
                                            "--with-source",
                                            (folder_.path() / "Packages").string(),
                                            "--no-install-recommends",
                                            "-qq",
                                            "-s",
                                            "install"};
        command.insert(command.end(), wanted.begin(), wanted.end());
        auto done = run_command(command);
        REQUIRE(done);
        said = done->out + done->err;
        if (done->exit_code != 0) return std::nullopt;
        Set set;
        for (std::string_view line : split(done->out, '\n')) {
            auto words = split_words(line);
            // "Inst pkg1 (2 localhost [amd64])"
            if (words.size() < 3 || words[0] != "Inst") continue;
            set.insert(std::string(words[1]) + "=" + std::string(words[2].substr(1)));
        }
        return set;
    }

  private:
    TempDir folder_ = TempDir::create("apt-index").value();
};

std::optional<Set> ours(const PackageIndex& index, const std::vector<std::string>& wanted,
                        std::string& why) {
    auto chosen = resolve(index, query_of(PackageSystem::debian, wanted));
    if (!chosen) why = chosen.error().to_string();
    if (!chosen) return std::nullopt;
    Set set;
    for (const PackageRecord* record : *chosen)
        set.insert(std::string(record->name) + "=" + std::string(record->version));
    return set;
}

}  // namespace

TEST_CASE("each of apt and us takes what the other chooses") {
    constexpr unsigned worlds = 60;
    std::size_t solved = 0;
    std::size_t equal = 0;
    std::size_t found = 0;
    for (unsigned seed = 0; seed < worlds; ++seed) {
        World world(seed);
        PackageIndex index;
        REQUIRE(index.add(world.text(), "amd64", 0));
        index.finish();
        Apt apt(world.text());
        auto wanted = world.requests();
        std::string said;
        std::string why;
        auto theirs = apt.install(wanted, said);
        auto own = ours(index, wanted, why);
        INFO("world " << seed << ", asked for " << join(wanted, " ") << "\n" << world.text());
        INFO("we say: " << (own ? text_of(*own) : why));
        INFO("apt says: " << (theirs ? text_of(*theirs) : said));
        if (own) {
            auto taken = apt.install({own->begin(), own->end()}, said);
            INFO("apt says of ours: " << said);
            CHECK((taken && *taken == *own));
        }
        if (theirs) {
            auto taken = ours(index, {theirs->begin(), theirs->end()}, why);
            INFO("we say of apt's: " << (taken ? text_of(*taken) : why));
            CHECK((own && taken && *taken == *theirs));
        }
        solved += own ? 1 : 0;
        found += theirs ? 1 : 0;
        equal += own && theirs && *own == *theirs ? 1 : 0;
    }
    // Both kinds of worlds have to occur, or nothing was compared. Where apt finds a set of its own
    // (it takes no older version to get out of trouble), it is nearly always ours.
    INFO(solved << " solved, " << found << " by apt, " << equal << " equal");
    CHECK(solved > worlds / 4);
    CHECK(solved < worlds * 9 / 10);
    CHECK(found > worlds / 5);
    CHECK(equal > found * 3 / 4);
}

namespace {

// The records that a request may have to do with, as a Packages file: apt needs seconds for all.
std::string reachable(const std::vector<PackageRecord>& records,
                      const std::vector<std::string>& wanted) {
    std::unordered_map<std::string_view, std::vector<const PackageRecord*>> by_name;
    for (const PackageRecord& record : records) {
        by_name[record.name].push_back(&record);
        if (auto provisions = parse_relations(record.provides))
            for (const auto& group : *provisions) by_name[group[0].name].push_back(&record);
    }
    std::vector<PackageRecord> taken;
    std::set<const PackageRecord*> seen;
    std::vector<std::string_view> names(wanted.begin(), wanted.end());
    std::set<std::string_view> asked;
    while (!names.empty()) {
        std::string_view name = names.back();
        names.pop_back();
        if (!asked.insert(name).second) continue;
        for (const PackageRecord* record : by_name[name]) {
            if (!seen.insert(record).second) continue;
            taken.push_back(*record);
            for (std::string_view field : {record->pre_depends, record->depends})
                if (auto groups = parse_relations(field))
                    for (const auto& group : *groups)
                        for (const PackageAtom& atom : group) names.push_back(atom.name);
        }
    }
    return compact_packages(taken);
}

}  // namespace

// Whatever the mirror had when this machine asked it last: both read the same.
TEST_CASE("real packages: each of apt and us takes what the other chooses") {
    auto targets =
        run_command({"apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages"});
    if (!targets || trim(targets->out).empty()) {
        WARN("no index of the host's apt: nothing was compared");
        return;
    }
    std::vector<std::string> command = {"/usr/lib/apt/apt-helper", "cat-file"};
    for (std::string_view line : split(trim(targets->out), '\n')) command.emplace_back(line);
    constexpr std::size_t most = 512U << 20U;
    auto read = run_command(command, most);
    REQUIRE(read);
    auto records = parse_packages(read->out).value();
    std::size_t compared = 0;
    std::size_t equal = 0;
    for (const std::vector<std::string>& wanted :
         {std::vector<std::string>{"openssh-server", "curl"},
          {"systemd", "udev", "dbus"},
          {"default-jre-headless"},
          {"apache2", "php"},
          {"mutt"}}) {
        std::string text = reachable(records, wanted);
        PackageIndex index;
        REQUIRE(index.add(text, "amd64", 0));
        index.finish();
        std::string said;
        std::string why;
        Apt apt(text);
        auto theirs = apt.install(wanted, said);
        auto own = ours(index, wanted, why);
        INFO("asked for " << join(wanted, " "));
        INFO("we say: " << (own ? text_of(*own) : why));
        INFO("apt says: " << (theirs ? text_of(*theirs) : said));
        if (!theirs) continue;  // not in this index, or not to be had
        REQUIRE(own);
        auto taken = apt.install({own->begin(), own->end()}, said);
        INFO("apt says of ours: " << said);
        CHECK((taken && *taken == *own));
        auto ours_of_theirs = ours(index, {theirs->begin(), theirs->end()}, why);
        INFO("we say of apt's: " << why);
        CHECK((ours_of_theirs && *ours_of_theirs == *theirs));
        ++compared;
        equal += *own == *theirs ? 1 : 0;
    }
    // Tomorrow's packages may bring a case in which two sets are as good; not many.
    CHECK(equal * 2 >= compared);
}
