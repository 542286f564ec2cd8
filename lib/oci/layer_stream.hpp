#pragma once

#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"
#include "lib/oci/unpack.hpp"

namespace osiekit::oci {

// Fetches one layer and unpacks it below the directory: downloading (and hashing what comes),
// decompressing, and writing (and hashing what is written) are a thread each, with at most a
// megabyte between them, so that nothing is stored on the way and memory does not depend on the
// layer's size. `cancelled` is asked with every piece. Succeeds only if both digests are right; the
// directory is the caller's to remove otherwise.
Result<UnpackedLayer> stream_layer(ImageSource& source, const Reference& reference,
                                   const Descriptor& layer, const ContentDigest& diff_id,
                                   int directory_fd, const UnpackLimits& limits,
                                   const std::function<bool()>& cancelled = {});

}  // namespace osiekit::oci
