#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// Bytes of one block of the lzop format, unpacked; the kernel takes none larger
// (lib/decompress_unlzo.c).
constexpr std::size_t lzo_block_size = 256U << 10U;

struct LzoPiece {
    std::string content;
    std::size_t compressed_size = 0;  // what follows is not looked at
};

// A file of the lzop program, whose blocks are compressed with LZO1X: the only form of LZO that the
// kernel unpacks. The format of the compressed bytes is the one that Documentation/staging/lzo.rst
// of the kernel describes. Errors: invalid_input (damaged, cut short, checksum), limit (content
// larger than `limit`), unsupported (flags that no kernel takes either).
Result<LzoPiece> read_lzop(std::string_view bytes, std::uint64_t limit);

// One block of LZO1X, behind what `into` has already. false: damaged, or not exactly `size` bytes.
bool unpack_lzo1x(std::string_view bytes, std::size_t size, std::string& into);

}  // namespace osiekit::builder
