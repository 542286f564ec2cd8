#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/manifest.hpp"
#include "lib/oci/reference.hpp"

namespace osiekit::oci {

inline constexpr int max_index_depth = 4;

// A manifest or index as a source has it, its digest checked if the name was one.
struct FetchedDocument {
    std::string bytes;
    std::string content_type;  // empty: the source has none
    ContentDigest digest;      // of the bytes
};

struct ResolvedImage {
    Reference reference;
    ContentDigest manifest_digest;  // of the manifest for the chosen platform
    // What the reference named first: of an index, or the manifest's own. A signature may be on
    // either.
    ContentDigest named_digest;
    Manifest manifest;
    ImageConfig config;
    // What was read on the way: indexes, if any, and the manifest, which is the last one.
    std::vector<Descriptor> documents;
};

// Who gets the bytes of a blob.
struct BlobSink {
    // The next piece; an error ends the transfer and is what fetch_blob() returns.
    std::function<Status(std::string_view)> on_data;
    // Whether the blob is not wanted any more (kind cancelled): asked about once a second, also
    // while nothing comes. Empty: it is wanted.
    std::function<bool()> cancelled = {};
};

// Where images come from: a registry, or a layout folder in the machine's own file system. Safe to
// be used by several threads at once. Errors: not_found, refused (credentials), network, digest,
// unsupported (another architecture), limit, invalid_input, io.
class ImageSource {
  public:
    ImageSource() = default;
    ImageSource(const ImageSource&) = delete;
    ImageSource& operator=(const ImageSource&) = delete;
    virtual ~ImageSource() = default;

    // The document with this name: a digest's text, or a tag. The bytes have the digest asked for.
    virtual Result<FetchedDocument> fetch_document(const Reference& reference,
                                                   const std::string& name) = 0;

    // Streams a blob in order, each byte once. The caller must not believe the bytes before this
    // has succeeded: the digest is known at the end.
    virtual Status fetch_blob(const Reference& reference, const Descriptor& blob,
                              const BlobSink& sink) = 0;

    // Whether the work should stop; asked between pieces.
    virtual bool cancelled() const { return false; }

    // The manifest and configuration of the image for this platform.
    Result<ResolvedImage> resolve(const Reference& reference, const Platform& platform);

    // A blob of at most `limit` bytes, in memory.
    Result<std::string> fetch_small_blob(const Reference& reference, const Descriptor& blob,
                                         std::uint64_t limit);
};

}  // namespace osiekit::oci
