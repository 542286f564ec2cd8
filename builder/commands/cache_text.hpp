#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/cache/collect.hpp"

namespace osiekit::builder {

// What "osiekit cache" prints, with the newline at the end. Sizes in the JSON are bytes, times are
// RFC 3339 in UTC.
// `all`: records one by one; else one line a kind.
std::string entries_text(const std::filesystem::path& cache, const std::vector<CacheEntry>& entries,
                         bool all);
std::string entries_json(const std::filesystem::path& cache,
                         const std::vector<CacheEntry>& entries);
std::string collected_text(const Collected& collected, bool dry_run);
std::string collected_json(const Collected& collected, bool dry_run);
std::string verified_text(const Verified& verified, bool dry_run);
std::string verified_json(const Verified& verified, bool dry_run);

}  // namespace osiekit::builder
