#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/fetch.hpp"
#include "builder/carried/cached_images.hpp"
#include "builder/packages/source.hpp"
#include "lib/oci/layout_source.hpp"
#include "lib/oci/registry_client.hpp"

namespace osiekit::builder {

// Images as packages of the system "oci": `name` is the image's full name as the profile has it,
// `version` and `digest` are those of the document that the name stands for, an index or a
// manifest, so that a lock says all. `size` is that of everything that the architecture needs of
// it; `file` the document in the cache, set when all the rest is there too.
class ImageRepository final : public PackageSource {
  public:
    struct Options {
        std::string architecture;  // amd64, arm64
        std::filesystem::path cache;
        // Images that are in a layout of their own, by name. Others come from their registries.
        std::map<std::string, std::filesystem::path> layouts;
        std::vector<std::string> insecure;  // registries, host[:port], that speak plain HTTP
        // Of registries, in the form of Docker's config.json; empty: none.
        std::filesystem::path credentials;
        bool offline = false;  // layouts are read, registries are not asked
        ProgressCallback progress;
        std::function<bool()> cancelled;
        std::function<void(std::string_view)> warning;
    };
    static Result<std::unique_ptr<ImageRepository>> open(Options options);

    // A name that has a digest, itself or by `prefer`, costs no request if the cache has its
    // documents and its configuration.
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override;
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override;

  private:
    ImageRepository(Options options, BlobCache blobs)
        : options_(std::move(options)), blobs_(std::move(blobs)) {}
    Result<oci::ImageSource*> origin_of(const std::string& name);
    // The image of that name; what the cache lacks of it comes from where it is.
    CachedImages source_of(const std::string& name) {
        return {blobs_, [this, name] { return origin_of(name); }};
    }
    Result<std::unique_ptr<oci::RegistryClient>> open_registry() const;
    Result<LocatedPackage> locate(const std::string& name, const std::string& kept);
    Status fetch_one(LocatedPackage& package, const FetchWatch& watch, Progress& progress);

    Options options_;
    BlobCache blobs_;
    std::map<std::string, std::unique_ptr<oci::LayoutSource>> layouts_;
    std::unique_ptr<oci::RegistryClient> registry_;
};

}  // namespace osiekit::builder
