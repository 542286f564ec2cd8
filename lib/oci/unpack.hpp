#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/content_digest.hpp"
#include "lib/oci/inflater.hpp"
#include "lib/oci/layer_writer.hpp"

namespace osiekit::oci {

inline constexpr std::uint64_t max_layer_bytes = 16ULL << 30U;  // unpacked
inline constexpr std::uint64_t max_layer_entries = 500000;

// What one layer may ask for. Further limits are constants beside the code that has them:
// max_name_bytes, max_name_depth, max_xattrs, max_xattr_bytes, max_file_bytes, max_header_bytes.
struct UnpackLimits {
    std::uint64_t tar_bytes = max_layer_bytes;  // of the unpacked archive, headers included
    std::uint64_t entries = max_layer_entries;
    WriterLimits writer = {};
    ByteBudget* budget = nullptr;  // shared with other layers
};

struct UnpackedLayer {
    ContentDigest
        diff_id;  // of the whole unpacked archive, to be compared with the configuration's
    std::uint64_t tar_bytes = 0;
    std::uint64_t entries = 0;
    std::vector<std::string> implied;  // directories without an entry: LayerWriter::implied()
};

// Unpacks one layer below the directory root_fd, in the form of layer_writer.hpp, reading the
// source to its end; `tar` gives the archive's bytes, decompressed. Nothing outside the directory
// is touched, whatever the archive says. Whoever calls makes the result visible only after
// comparing digests (`algorithm`: of the diff_id), and removes the directory on failure. Errors:
// invalid_input, limit, io, or the source's own.
Result<UnpackedLayer> unpack_tar(const ByteSource& tar, int root_fd, const UnpackLimits& limits,
                                 ContentDigest::Algorithm algorithm = {});

}  // namespace osiekit::oci
