#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "builder/cache/blob_cache.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"

namespace osiekit::builder {

// Images whose documents and blobs are in the cache by their digests, and are brought there when
// they are wanted and missing. What a tag means is always asked. Errors: those of the source;
// unsupported (a digest that is no SHA-256, which the cache does not know).
class CachedImages final : public oci::ImageSource {
  public:
    // Who has the images, asked where the cache lacks something. Its error is the answer then.
    using Origin = std::function<Result<oci::ImageSource*>()>;

    CachedImages(BlobCache& blobs, Origin origin) : blobs_(blobs), origin_(std::move(origin)) {}

    Result<oci::FetchedDocument> fetch_document(const oci::Reference& reference,
                                                const std::string& name) override;
    Status fetch_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                      const oci::BlobSink& sink) override;

    // The blob's file in the cache. Kind digest if it has another size. The sink gets its bytes
    // only while they are fetched.
    Result<std::filesystem::path> bring(const oci::Reference& reference,
                                        const oci::Descriptor& blob, const oci::BlobSink& sink);

  private:
    BlobCache& blobs_;
    Origin origin_;
};

// The name of a document or blob in the cache. Kind unsupported for a SHA-512.
Result<Sha256> cached_name(const oci::ContentDigest& digest);

}  // namespace osiekit::builder
