#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

constexpr std::uint64_t largest_record = 1ULL << 30U;

// A text kept in the cache under a name of ours, with its own digest as its first line: what was
// damaged reads as absent (not_found), and is made again. Reading notes the time of use.
Result<std::string> read_checked(const std::filesystem::path& file,
                                 std::uint64_t limit = largest_record);
// Makes the folder if it is missing.
Status write_checked(const std::filesystem::path& file, std::string_view text);

// Whether the first line fits the rest.
bool is_checked(std::string_view content);

// Notes that a file is used now, by its modification time. A cache that cannot be written is used
// without that.
void note_use(const std::filesystem::path& file);

}  // namespace osiekit::builder
