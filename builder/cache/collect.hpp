#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "builder/cache/inventory.hpp"
#include "builder/cache/lease.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

constexpr std::uint64_t default_keep_days = 30;

struct CollectPolicy {
    // What was not used for this long goes.
    std::uint64_t keep_days = default_keep_days;
    // Then the least recently used goes until no more than this is left; bytes.
    std::optional<std::uint64_t> max_size;
    timespec now{};
};

// What goes, the least recently used first. What is in use stays, even above max_size.
std::vector<CacheEntry> choose_removals(std::vector<CacheEntry> entries,
                                        const CollectPolicy& policy);

struct Collected {
    std::vector<CacheEntry> removed;
    std::vector<LeftOver> left_overs;
    std::uint64_t freed = 0;  // bytes, with the left-overs
    std::uint64_t kept = 0;   // bytes
    std::uint64_t kept_entries = 0;
};

// Frees what the policy does not keep, and what killed builds have left. Builds may be at work:
// what their leases name stays. With `dry_run` nothing is removed. Errors: those of list_cache();
// cancelled.
Result<Collected> collect_cache(const std::filesystem::path& cache, const CollectPolicy& policy,
                                bool dry_run, const std::function<bool()>& cancelled);

struct Verified {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::vector<CacheEntry> damaged;  // and, unless it was a dry run, removed
};

// Reads all of the cache and compares it with its digests; stamps are not believed. What is damaged
// is removed, to be made again when it is needed. `moved` gets the bytes that have been read.
Result<Verified> verify_cache(const std::filesystem::path& cache, bool dry_run,
                              const std::function<void(std::uint64_t, std::uint64_t)>& moved,
                              const std::function<bool()>& cancelled);

}  // namespace osiekit::builder
