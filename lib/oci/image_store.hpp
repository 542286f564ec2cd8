#pragma once

#include <filesystem>
#include <functional>
#include <set>
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

// Unpacked layers by the digest of their content: layers/<hex>. A directory with that name
// is complete and verified; work in progress has names of its own below tmp/. One process works in
// a store at a time.
class ImageStore {
  public:
    // Makes the folders (mode 0700: setuid programs of images must not be reachable) and removes
    // what an earlier process left unfinished.
    static Result<ImageStore> open(const std::filesystem::path& root);

    // Fetches what is missing. `budget` is asked before each layer for the bytes it may unpack to.
    Result<StoredImage> pull(ImageSource& source, const Reference& reference,
                             const Platform& platform, const std::function<std::uint64_t()>& budget,
                             const Admit& admit = {});

    std::filesystem::path layer_path(const ContentDigest& diff_id) const;
    bool has_layer(const ContentDigest& diff_id) const;
    // Removes every layer that is not named.
    Status retain(const std::set<ContentDigest>& diff_ids);
    const std::filesystem::path& root() const { return root_; }

  private:
    explicit ImageStore(std::filesystem::path root) : root_(std::move(root)) {}
    Status fetch_layer(ImageSource& source, const Reference& reference, const Descriptor& layer,
                       const ContentDigest& diff_id, const UnpackLimits& limits);
    std::filesystem::path root_;
};

// Removes a directory with everything below it, never following links out of it.
Status remove_directory(const std::filesystem::path& path);

}  // namespace osiekit::oci
