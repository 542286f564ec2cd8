#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The verified text of a Release file: what the mirror's suite has, by SHA-256.
struct Release {
    struct Entry {
        Sha256 digest;
        std::uint64_t size = 0;
    };
    std::string suite;
    std::string codename;
    std::string label;
    std::string architectures;  // separated by blanks
    std::string components;
    bool acquire_by_hash = false;
    bool not_automatic = false;  // NotAutomatic: yes: nothing of it is taken unless wanted from it
    // No-Support-for-Architecture-all: Packages. The architecture's index holds the "all" packages.
    bool all_in_every_index = false;
    std::int64_t date = 0;                            // seconds since 1970
    std::optional<std::int64_t> valid_until;          // the same
    std::map<std::string, Entry, std::less<>> files;  // by path relative to the suite
};

constexpr std::size_t release_file_limit = 1'000'000;  // entries; Debian's main suite has 700

// Errors: invalid_input with the line, limit.
Result<Release> parse_release(std::string_view text);

// "Sat, 14 Nov 2026 10:05:46 UTC" in seconds since 1970, whatever the locale is; nullopt if it is
// something else.
std::optional<std::int64_t> parse_release_date(std::string_view text);

}  // namespace osiekit::builder
