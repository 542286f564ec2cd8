// docs/sandbox.md has the same tables as the code.
#include <catch2/catch.hpp>
#include <cerrno>
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

// The cells of the table rows below a heading, by the first cell.
std::map<std::string, std::vector<std::string>> rows(std::string_view heading) {
    std::map<std::string, std::vector<std::string>> found;
    std::string text = read_file(OSIEKIT_SOURCE_DIR "/docs/sandbox.md").value();
    bool inside = false;
    for (std::string_view line : split(text, '\n')) {
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

}  // namespace

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
