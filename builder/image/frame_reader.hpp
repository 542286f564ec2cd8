#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "builder/image/compression.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The compressed piece that some bytes start with.
struct Frame {
    CompressionMethod method = CompressionMethod::zstd;
    std::size_t compressed_size = 0;  // what follows it is not looked at
    std::uint64_t window = 0;         // bytes, where the format says (zstd, xz, lzma)
    std::string content;
};

// Memory that unpacking may take beside the content: as much as the largest dictionary of xz.
constexpr std::uint64_t unpacking_memory = 256ULL << 20U;
// Bytes of one block of the lz4 legacy format, unpacked (lib/decompress_unlz4.c).
constexpr std::size_t lz4_block_size = 8U << 20U;

// By the first bytes, as lib/decompress.c of the kernel tells them apart. nullopt: none of them.
std::optional<CompressionMethod> recognise_frame(std::string_view bytes);

// Unpacks it as the kernel would: one frame; xz only with CRC32 or without a check; lz4 only in the
// legacy format, up to a size of 0, another legacy magic or the end of the bytes; lzo only as lzop
// writes it. Errors: invalid_input (not compressed, broken, cut short, checksum), unsupported (what
// the kernel does not read either), limit (content larger than `limit`, or too much memory).
Result<Frame> read_frame(std::string_view bytes, std::uint64_t limit);
// The same, with the content given to `sink` piece by piece and not kept. An error of the sink ends
// the reading and is returned.
Result<Frame> stream_frame(std::string_view bytes, std::uint64_t limit, const ByteSink& sink);

}  // namespace osiekit::builder
