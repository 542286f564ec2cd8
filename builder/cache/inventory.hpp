#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

enum class EntryPlace {
    blob,      // named by the digest of its bytes
    record,    // begins with the digest of the rest (record.hpp)
    download,  // begun and not finished
};

// One thing in the cache.
struct CacheEntry {
    EntryPlace place = EntryPlace::blob;
    std::string kind;  // "package", "segment", "recipe"; "blob" where nobody said it
    std::string name;  // what it is; may be empty
    std::filesystem::path file;
    std::optional<Sha256> digest;  // of a blob; of a download, what it is to become
    std::uint64_t size = 0;        // bytes
    timespec last_use{};           // since 1970
    bool in_use = false;           // by a process that is at work now
};

// Everything in a cache, by place, kind and name. Nothing is locked for longer than a moment:
// entries that come and go meanwhile may be in it or not. Errors: not_found (there is no cache),
// io.
Result<std::vector<CacheEntry>> list_cache(const std::filesystem::path& cache);

// The stamp that belongs to an entry; empty if it has none.
std::filesystem::path stamp_of_entry(const std::filesystem::path& cache, const CacheEntry& entry);

// When an entry was used last, as far as it is known.
timespec last_use_of(const std::filesystem::path& cache, const CacheEntry& entry);

}  // namespace osiekit::builder
