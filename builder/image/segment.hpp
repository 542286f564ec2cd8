#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/fetch.hpp"
#include "builder/image/compression.hpp"
#include "builder/image/recipe_cache.hpp"
#include "builder/tree.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// One part of an initramfs: a whole cpio archive, compressed by itself, padded with NULs to a
// multiple of four bytes (lz4: not padded). The kernel unpacks one after another.
struct Segment {
    std::string name;            // "modules", "program tink-worker"
    Sha256 content_digest;       // of the cpio archive
    std::uint64_t unpacked = 0;  // bytes of the cpio archive
    std::uint64_t memory = 0;    // what its files take of the root file system, in whole pages
    Sha256 digest;               // of the frame with its padding
    std::uint64_t size = 0;      // bytes of it
    std::filesystem::path file;  // a blob of the cache
    Tree::Entries entries;       // what is in it; content may be opaque
    bool from_cache = false;
};

struct SegmentRequest {
    std::string name;
    Tree::Entries entries;
    std::string last;  // path of the entry that is written last, may be empty
};

// The bytes that the files of a tree take of a tmpfs.
std::uint64_t memory_of(const Tree::Entries& entries);

// The segments that were compressed in this run, by the digest of their content: though they come
// from the cache by the end of it, nobody would call them cached. Thread safe.
class CompressedNow {
  public:
    void add(const Sha256& content) {
        std::lock_guard lock(mutex_);
        contents_.insert(content);
    }
    bool has(const Sha256& content) const {
        std::lock_guard lock(mutex_);
        return contents_.count(content) != 0;
    }

  private:
    mutable std::mutex mutex_;
    std::set<Sha256> contents_;
};

// Makes segments, or takes them from the cache: by the digest of the cpio archive, the parameters
// of the compression and the library's version. Thread safe.
class SegmentPacker {
  public:
    struct Options {
        CompressionOptions compression;
        std::uint32_t mtime = 0;
        unsigned parallel = 1;            // segments at a time
        ProgressCallback progress;        // bytes of cpio archives; one call at a time
        std::function<bool()> cancelled;  // called from several threads
        // Shared by the packers of one run.
        std::shared_ptr<CompressedNow> compressed = std::make_shared<CompressedNow>();
    };
    SegmentPacker(BlobCache& blobs, const RecipeCache& recipes, Options options)
        : blobs_(blobs), recipes_(recipes), options_(std::move(options)) {}

    // In the order of the requests; the first error, if one fails. The others then end early.
    Result<std::vector<Segment>> pack_all(std::vector<SegmentRequest> requests);

    // The segment without its entries and, unless the cache has it, without its compressed side
    // (`file` is empty).
    Result<Segment> look_up(const SegmentRequest& request);

    // Shortcut for segments whose content follows from few inputs (a package's digest, a list of
    // modules): what was kept under `key`, without making the content. `extra` is the caller's own
    // data. The packer adds its parameters to the key.
    struct Kept {
        Segment segment;
        nlohmann::json extra;
    };
    Result<std::optional<Kept>> recall(const std::string& key);
    Status keep(const std::string& key, const Segment& segment, const nlohmann::json& extra);

  private:
    struct Measured {
        Sha256 digest;
        std::uint64_t size = 0;
    };
    std::string parameters() const;
    Status check_cancelled() const;
    Result<Measured> measure(const SegmentRequest& request) const;
    Result<Segment> pack(SegmentRequest request, const std::function<void(std::size_t)>& moved);
    Result<bool> find_frame(Segment& segment);
    Status compress(const SegmentRequest& request, Segment& segment,
                    const std::function<void(std::size_t)>& moved);

    BlobCache& blobs_;
    const RecipeCache& recipes_;
    Options options_;
    std::atomic<bool> failed_{false};  // one of several segments under way did
};

}  // namespace osiekit::builder
