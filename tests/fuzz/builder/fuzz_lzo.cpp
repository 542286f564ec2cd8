// The bytes as a file of lzop, and as one block of LZO1X.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/image/lzo_reader.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    constexpr std::uint64_t limit = 1U << 20U;
    auto piece = read_lzop(bytes, limit);
    if (piece && (piece->content.size() > limit || piece->compressed_size > size)) std::abort();
    constexpr std::size_t block = 4096;
    const std::string before = "before";
    std::string into = before;
    bool whole = unpack_lzo1x(bytes, block, into);
    std::size_t made = into.size() - before.size();
    if (made > block || (whole && made != block) || !into.starts_with(before)) std::abort();
    return 0;
}
