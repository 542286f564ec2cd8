#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// $XDG_CACHE_HOME/osiekit, else ~/.cache/osiekit, else /tmp/osiekit-cache-UID.
std::filesystem::path default_cache_directory();

// Files named by their SHA-256: DIR/blobs/sha256/HEX. An entry appears by rename once it is whole
// and verified, so parallel builds and kill -9 leave either nothing or the right bytes under a
// name. Reading verifies again: the digest of an entry is computed when it is first used, and a
// stamp beside it (DIR/stamps/HEX: size, modification and change time in nanoseconds, inode) saves
// that work while all four are unchanged. What a stamp cannot see: decay of the disk that changes
// no time, and a write within the same tick of the kernel's clock as the verification; entries are
// read-only, so nobody writes by mistake. A damaged entry is removed and reported as absent, to be
// made again. Thread safe.
class BlobCache {
  public:
    static Result<BlobCache> open(std::filesystem::path directory);
    BlobCache(BlobCache&&) noexcept;
    BlobCache& operator=(BlobCache&&) noexcept;
    ~BlobCache();

    const std::filesystem::path& directory() const { return directory_; }

    // The verified entry; nullopt if there is none (or it was damaged).
    Result<std::optional<std::filesystem::path>> find(const Sha256& digest);
    // Stores bytes whose digest the caller has computed.
    Result<std::filesystem::path> put(std::string_view content, const Sha256& digest);
    // Takes over a file in the cache's own directory whose digest the caller has verified.
    Result<std::filesystem::path> adopt(const std::filesystem::path& file, const Sha256& digest);

    // Where an unfinished download of this digest is kept: DIR/partial/HEX.
    std::filesystem::path partial_path(const Sha256& digest) const;

  private:
    explicit BlobCache(std::filesystem::path directory);
    std::filesystem::path blob_path(const Sha256& digest) const;
    // Notes that the entry with this stamp was verified; and asks for that.
    Status remember(const Sha256& digest, const std::string& stamp);
    Status remember(const Sha256& digest);
    bool remembered(const Sha256& digest, const std::string& stamp);

    std::filesystem::path directory_;
    struct Known;
    std::unique_ptr<Known> known_;
};

}  // namespace osiekit::builder
