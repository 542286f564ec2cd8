#pragma once

#include "lib/oci/inflater.hpp"
#include "lib/oci/unpack.hpp"

namespace osiekit::oci {

// Unpacks a layer (tar; plain, gzip or zstd) below a directory, in one thread, as stream_layer()
// does in three: to the source's end.
inline Result<UnpackedLayer> unpack_layer(const ByteSource& source, int root_fd,
                                          const UnpackLimits& limits) {
    Inflater inflater(source, limits.tar_bytes, limits.budget);
    OSIEKIT_ASSIGN(auto layer, unpack_tar([&] { return inflater.next(); }, root_fd, limits));
    OSIEKIT_TRY(drain(source));
    return layer;
}

}  // namespace osiekit::oci
