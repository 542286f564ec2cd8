// docs/sandbox.md has the same tables as the code.
#include <linux/capability.h>
#include <sys/mount.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/levels.hpp"
#include "lib/sandbox/syscalls.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;

namespace {

using Names = std::set<std::string>;

const std::string& document() {
    static const std::string text = read_file(OSIEKIT_SOURCE_DIR "/docs/sandbox.md").value();
    return text;
}

// The cells of the table rows below a heading, by the first cell.
std::map<std::string, std::vector<std::string>> rows(std::string_view heading) {
    std::map<std::string, std::vector<std::string>> found;
    bool inside = false;
    for (std::string_view line : split(document(), '\n')) {
        if (line.rfind("## ", 0) == 0) inside = line.substr(3) == heading;
        auto cells = split(line, '|');
        if (!inside || cells.size() < 4) continue;
        std::vector<std::string> row;
        for (std::size_t i = 2; i + 1 < cells.size(); ++i) row.emplace_back(trim(cells[i]));
        found.emplace(trim(cells[1]), std::move(row));
    }
    return found;
}

// The names in the last cell of a row.
Names names_in(const std::vector<std::string>& row) {
    Names names;
    if (row.empty()) return names;
    for (std::string_view name : split(row.back(), ',')) names.emplace(trim(name));
    return names;
}

Names capabilities(std::uint64_t bits) {
    Names names;
    for (unsigned number = 0; number < 64; ++number)
        if ((bits >> number & 1U) != 0) names.insert(capability_name(number).substr(4));
    return names;
}

SandboxSpec minimal(Level level) {
    SandboxSpec spec;
    spec.level = level;
    spec.rootfs = "/root";
    spec.argv = {"/action"};
    return spec;
}

const PlannedMount* mount_at(const Plan& plan, const std::string& target) {
    for (const PlannedMount& mount : plan.mounts)
        if (mount.target == target) return &mount;
    return nullptr;
}

bool holds(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

std::string devices(const Plan& plan) {
    if (!plan.device_nodes) return "the machine's";
    std::string text;
    for (const DeviceNode& node : harmless_devices)
        text += (text.empty() ? "" : ", ") + std::string(node.name);
    return text + (mount_at(plan, "/dev/pts") != nullptr ? "; own pts" : "");
}

std::string sysfs(const Plan& plan) {
    const PlannedMount* mount = mount_at(plan, "/sys");
    REQUIRE(mount != nullptr);
    if (mount->kind == PlannedMount::Kind::bind)
        return (mount->attributes & MOUNT_ATTR_RDONLY) == 0 ? "the machine's, writable" : "?";
    std::string text = (mount->attributes & MOUNT_ATTR_RDONLY) != 0 ? "read-only" : "writable";
    return text + (holds(plan.masked, "/sys/firmware") ? ", firmware hidden" : "");
}

std::string procfs(const Plan& plan) {
    if (plan.read_only.empty() && plan.masked.empty()) return "own, writable";
    std::string text;
    for (const std::string& path : plan.read_only)
        text += (text.empty() ? "own; `" : "`, `") + path.substr(std::string("/proc/").size());
    return text + "` read-only; kcore and the like hidden" +
           (holds(plan.masked, "/proc/kcore") ? "" : "?");
}

// A volume of this source, or onto this target.
std::string volume(Level level, const char* source, const char* target) {
    auto spec = minimal(level);
    spec.mounts.push_back({source, target});
    return make_plan(spec) ? "yes" : "refused";
}

std::string all_alike(const std::vector<std::string>& cells) {
    for (const std::string& cell : cells)
        if (cell != cells[0]) return "?";
    return cells[0];
}

// What each level permits, by the plans that are made for it.
std::string cell(const std::string& row, Level level) {
    Plan plan = make_plan(minimal(level)).value();
    if (row == "`/dev`") return devices(plan);
    if (row == "`/sys`") return sysfs(plan);
    if (row == "`/proc`") return procfs(plan);
    if (row == "device nodes and setuid in the image and in volumes")
        return plan.root_attributes == (MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID) ? "without effect"
                                                                              : "work";
    if (row == "may mount") {
        bool may = (plan.capabilities >> unsigned{CAP_SYS_ADMIN} & 1U) != 0 &&
                   answer(level, CallGroup::mounting) == 0;
        return may ? "yes" : "no";
    }
    if (row == "no_new_privs") return plan.no_new_privileges ? "on" : "off, as with Docker";
    if (row == "32-bit programs (x86)") return answer(level, CallGroup::i386) == 0 ? "yes" : "no";
    if (row == "volumes from `/`, `/dev`, `/proc`, `/sys`")
        return all_alike({volume(level, "/", "/v"), volume(level, "/dev", "/v"),
                          volume(level, "/proc", "/v"), volume(level, "/sys", "/v")});
    if (row == "volumes onto `/` and below `/proc`")
        return all_alike({volume(level, "/v", "/"), volume(level, "/v", "/proc/x")});
    auto spec = minimal(level);
    if (row == "a user namespace") {
        spec.users.emplace();
        return make_plan(spec) ? "where asked for" : "refused";
    }
    REQUIRE(row == "networks");
    std::string text;
    for (Network network : all_networks) {
        spec.network = network;
        if (make_plan(spec)) text += (text.empty() ? "" : ", ") + std::string(to_string(network));
    }
    return text;
}

std::string level_table() {
    std::string text = "|";
    for (Level level : all_levels) text += " | " + std::string(to_string(level));
    text +=
        " |\n|---|---|---|---|---|\n| for | computing, using the network | writing disks | "
        "starting "
        "another kernel | everything that Tinkerbell's actions do |\n";
    for (const char* row :
         {"`/dev`", "`/sys`", "`/proc`", "device nodes and setuid in the image and in volumes",
          "may mount", "no_new_privs", "32-bit programs (x86)",
          "volumes from `/`, `/dev`, `/proc`, `/sys`", "volumes onto `/` and below `/proc`",
          "a user namespace", "networks"}) {
        text += "| " + std::string(row);
        for (Level level : all_levels) text += " | " + cell(row, level);
        text += " |\n";
    }
    return text;
}

}  // namespace

TEST_CASE("the document's table of levels is the code's") {
    INFO("docs/sandbox.md should have:\n" << level_table());
    CHECK(document().find(level_table()) != std::string::npos);
}

TEST_CASE("every lesson of the document is a test by its name") {
    std::string tests;
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(OSIEKIT_SOURCE_DIR "/tests/unit"))
        if (file.path().extension() == ".cpp") tests += read_file(file.path()).value();
    std::set<std::string> lessons;
    std::string_view text = document();
    for (std::size_t at = text.find("CVE-"); at != std::string_view::npos;
         at = text.find("CVE-", at + 1))
        lessons.emplace(text.substr(at, text.find_first_not_of("CVE-0123456789", at) - at));
    CHECK(lessons.size() > 20);
    for (const std::string& lesson : lessons) {
        INFO(lesson);
        std::size_t test = tests.find(lesson);
        while (test != std::string::npos && tests.rfind("TEST_CASE(", test) + 200 < test)
            test = tests.find(lesson, test + 1);
        CHECK(test != std::string::npos);
    }
}

TEST_CASE("the document's capabilities are the code's") {
    auto table = rows("Capabilities");
    std::uint64_t restricted = level_capabilities(Level::restricted);
    std::uint64_t disk = level_capabilities(Level::disk);
    std::uint64_t kexec = level_capabilities(Level::kexec);
    std::uint64_t host = level_capabilities(Level::host);
    CHECK(names_in(table["restricted"]) == capabilities(restricted));
    CHECK(names_in(table["disk"]) == capabilities(disk & ~restricted));
    CHECK(names_in(table["kexec"]) == capabilities(kexec & ~disk));
    CHECK(names_in(table["host"]) == capabilities(host & ~kexec));
    constexpr std::uint64_t known = (std::uint64_t{1} << 41U) - 1;
    CHECK(names_in(table["nobody"]) == capabilities(known & ~host));
}

TEST_CASE("the document's system calls are the code's") {
    auto table = rows("System calls");
    std::map<CallGroup, Names> groups;
    std::size_t count = 0;
    const Call* calls = call_table(count);
    for (const Call* call = calls; call != calls + count; ++call)
        groups[call->group].emplace(call->name);
    const std::map<std::string, CallGroup> named = {
        {"keys", CallGroup::keys},   {"mounting", CallGroup::mounting},
        {"kexec", CallGroup::kexec}, {"machine", CallGroup::machine},
        {"never", CallGroup::never}, {"absent", CallGroup::absent}};
    for (const auto& [name, group] : named) {
        INFO(name);
        CHECK(names_in(table[name]) == groups[group]);
        REQUIRE(table[name].size() == all_levels.size() + 1);
        for (std::size_t i = 0; i < all_levels.size(); ++i) {
            int error = answer(all_levels[i], group);
            CHECK(table[name][i] == (error == 0       ? "yes"
                                     : error == EPERM ? "refused"
                                                      : "no such call"));
        }
    }
}
