#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/content_digest.hpp"

namespace osiekit::oci {

struct UnpackLimits {
    std::uint64_t tar_bytes = 16ULL << 30U;  // of the unpacked archive, headers included
    std::uint64_t entries = 500000;
};

struct UnpackedLayer {
    ContentDigest
        diff_id;  // of the whole unpacked archive, to be compared with the configuration's
    std::uint64_t tar_bytes = 0;
    std::uint64_t entries = 0;
};

// Gives the next piece of the compressed layer; an empty one is its end. The piece stays valid
// until the next call.
using ByteSource = std::function<Result<std::string_view>()>;

// Unpacks one layer (tar; plain, gzip or zstd, told by content) below the directory root_fd, in the
// form of layer_writer.hpp, reading the source to its end. Nothing outside the directory is
// touched, whatever the archive says. Whoever calls makes the result visible only after comparing
// digests (`algorithm`: of the diff_id), and removes the directory on failure. Errors:
// invalid_input, limit, io, or the source's own.
Result<UnpackedLayer> unpack_layer(const ByteSource& source, int root_fd,
                                   const UnpackLimits& limits,
                                   ContentDigest::Algorithm algorithm = {});

}  // namespace osiekit::oci
