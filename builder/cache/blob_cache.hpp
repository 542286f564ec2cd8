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

// What an entry is, for people who look into the cache.
struct BlobNote {
    std::string kind;  // "package", "index", "release", "kernel", "modules", "segment"
    std::string name;  // "busybox 1.35.0-4"
};

// Files named by their SHA-256: DIR/blobs/sha256/HEX. An entry appears by rename once it is whole
// and verified, so parallel builds and kill -9 leave either nothing or the right bytes under a
// name. Reading verifies again: the digest of an entry is computed when it is first used, and a
// stamp beside it (DIR/stamps/HEX: size, modification and change time in nanoseconds, inode; in a
// second line what the entry is) saves that work while all four are unchanged. What a stamp cannot
// see: decay of the disk that changes no time, and a write within the same tick of the kernel's
// clock as the verification; entries are read-only, so nobody writes by mistake. The stamp's own
// time is that of the last use. A damaged entry is removed, unless another process has replaced it
// by then, and reported as absent, to be made again. While this object lives, a lease (lease.hpp)
// keeps what it has given out from being removed. Thread safe.
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
    Result<std::filesystem::path> put(std::string_view content, const Sha256& digest,
                                      const BlobNote& note = {});
    // Takes over a file in the cache's own directory whose digest the caller has verified.
    Result<std::filesystem::path> adopt(const std::filesystem::path& file, const Sha256& digest,
                                        const BlobNote& note = {});

    // Where an unfinished download of this digest is kept: DIR/partial/HEX.
    std::filesystem::path partial_path(const Sha256& digest) const;

  private:
    struct Known;
    BlobCache(std::filesystem::path directory, std::unique_ptr<Known> known);
    std::filesystem::path blob_path(const Sha256& digest) const;
    std::filesystem::path stamp_path(const Sha256& digest) const;
    Status take_into_use(const Sha256& digest);
    // The entry if its bytes are right; else it is gone, or another one by now.
    enum class Found { absent, good, damaged };
    Result<Found> look(const Sha256& digest);
    Result<Found> judge(const Sha256& digest);
    Status remember(const Sha256& digest, const std::string& stamp, const BlobNote& note);
    bool remembered(const Sha256& digest, const std::string& stamp);
    Status remember_new(const Sha256& digest, const BlobNote& note);

    std::filesystem::path directory_;
    std::unique_ptr<Known> known_;
};

}  // namespace osiekit::builder
