#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"
#include "lib/oci/unpack.hpp"

namespace osiekit::oci {

// An image whose layers are on disk.
struct StoredImage {
    ResolvedImage image;
    std::vector<std::filesystem::path> layers;  // directories in overlayfs form, lowest first
};

// Judges an image when its manifest and configuration are known and none of its layers has been
// fetched; an error refuses it.
using Admit = std::function<Status(const ResolvedImage&, ImageSource&)>;

inline constexpr std::size_t max_parallel_layers = 3;

// Unpacked layers by the digest of their content: layers/<hex>. A directory with that name
// is complete and verified; work in progress has names of its own below tmp/. uses/<hex> says how
// large a layer is; its time, in seconds, is the number of the layer's last use, not a moment: the
// clock of such a machine jumps when it is set, and numbers can be noted where no byte is free.
// implied/<hex> is about folders (implied_directories.hpp). One process works in a store at a time.
class ImageStore {
  public:
    // Makes the folders (mode 0700: setuid programs of images must not be reachable) and removes
    // what an earlier process left unfinished.
    static Result<ImageStore> open(const std::filesystem::path& root);

    // Fetches what is missing, several layers at once and each once, whatever the image says.
    // `budget`: asked, when the image is known, for the bytes that all of it may unpack to. After a
    // failure layers that had been finished before stay.
    Result<StoredImage> pull(ImageSource& source, const Reference& reference,
                             const Platform& platform, const std::function<std::uint64_t()>& budget,
                             const Admit& admit = {});

    std::filesystem::path layer_path(const ContentDigest& diff_id) const;
    bool has_layer(const ContentDigest& diff_id) const;

    // The number that the next pull's layers get, to be given to evict().
    std::int64_t next_use() const;
    // Removes layers until the rest has at most `keep_bytes`: those first that were used longest
    // ago, none whose last use is `used_before` or later. Gives the bytes that were removed. The
    // caller sees to it that no program runs from the store.
    Result<std::uint64_t> evict(std::uint64_t keep_bytes, std::int64_t used_before);
    const std::filesystem::path& root() const { return root_; }

  private:
    explicit ImageStore(std::filesystem::path root) : root_(std::move(root)) {}
    struct Missing;
    Status fetch_layer(ImageSource& source, const Reference& reference, const Missing& layer,
                       const UnpackLimits& limits, const std::function<bool()>& cancelled);
    Status fetch_layers(ImageSource& source, const Reference& reference,
                        const std::vector<Missing>& layers, std::uint64_t budget);
    void note_use(const ContentDigest& diff_id, std::int64_t use) const;
    Status remove_layer(const std::filesystem::path& path);
    std::filesystem::path root_;
};

// Removes a directory with everything below it, never following links out of it.
Status remove_directory(const std::filesystem::path& path);

}  // namespace osiekit::oci
