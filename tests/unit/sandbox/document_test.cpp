// docs/sandbox.md has the same tables as the code.
#include <algorithm>
#include <catch2/catch.hpp>
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

// First column to the names in the last column, of all table rows.
std::map<std::string, Names> rows() {
    std::map<std::string, Names> found;
    std::string text = read_file(OSIEKIT_SOURCE_DIR "/docs/sandbox.md").value();
    for (std::string_view line : split(text, '\n')) {
        auto cells = split(line, '|');
        if (cells.size() < 4) continue;
        Names names;
        for (std::string_view name : split(cells[cells.size() - 2], ',')) names.emplace(trim(name));
        found.emplace(trim(cells[1]), std::move(names));
    }
    return found;
}

Names capabilities(std::uint64_t bits) {
    Names names;
    for (unsigned number = 0; number < 64; ++number)
        if ((bits >> number & 1U) != 0) names.insert(capability_name(number).substr(4));
    return names;
}

}  // namespace

TEST_CASE("the document's capabilities are the code's") {
    auto table = rows();
    std::uint64_t restricted = level_capabilities(Level::restricted);
    std::uint64_t disk = level_capabilities(Level::disk);
    std::uint64_t host = level_capabilities(Level::host);
    CHECK(table["restricted"] == capabilities(restricted));
    CHECK(table["disk"] == capabilities(disk & ~restricted));
    CHECK(table["host"] == capabilities(host & ~disk));
    constexpr std::uint64_t known = (std::uint64_t{1} << 41U) - 1;
    CHECK(table["nobody"] == capabilities(known & ~host));
}

TEST_CASE("the document's system calls are the code's") {
    auto table = rows();
    std::map<CallGroup, Names> groups;
    std::size_t count = 0;
    const Call* calls = call_table(count);
    for (const Call* call = calls; call != calls + count; ++call)
        groups[call->group].emplace(call->name);
    CHECK(table["keys"] == groups[CallGroup::keys]);
    CHECK(table["mounting"] == groups[CallGroup::mounting]);
    CHECK(table["machine"] == groups[CallGroup::machine]);
    CHECK(table["never"] == groups[CallGroup::never]);
    CHECK(table["absent"] == groups[CallGroup::absent]);
}
