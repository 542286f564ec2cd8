#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "builder/image/compression.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Compresses one segment as the kernel can unpack it: xz with CRC32 in blocks of a fixed size, lz4
// in the legacy format, gzip without name and time. The same content and options give the same
// bytes, whatever the number of workers.
class FrameWriter {
  public:
    virtual ~FrameWriter() = default;
    virtual Status write(std::string_view bytes) = 0;
    virtual Status finish() = 0;
};

// `size` is how many bytes will be written exactly. Errors: invalid_input (level or window out of
// range), unsupported (a method that is only read), internal.
Result<std::unique_ptr<FrameWriter>> make_frame_writer(const CompressionOptions& options,
                                                       std::uint64_t size, ByteSink sink);

// In memory, for small things.
Result<std::string> compress_frame(std::string_view bytes, const CompressionOptions& options);

// NULs that belong behind a frame of this size before the next one. An uncompressed archive must
// start at a multiple of four; lz4 data has no end mark and would take NULs for a size, so that its
// frames follow each other directly.
std::size_t frame_padding(CompressionMethod method, std::uint64_t size);

}  // namespace osiekit::builder
