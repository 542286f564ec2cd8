// A gzip stream: the headers and trailers around what fuzz_deflate compares.
#include <cstdint>
#include <cstdlib>

#include "lib/inflate/gzip_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit;
    constexpr std::size_t kMost = 4U << 20U;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    inflate::ByteSource source = [&]() -> Result<std::string_view> {
        auto piece = rest.substr(0, 50);
        rest.remove_prefix(piece.size());
        return piece;
    };
    inflate::GzipReader reader(source);
    std::size_t total = 0;
    while (total <= kMost) {
        auto piece = reader.next();
        if (!piece) return 0;
        if (piece->empty()) break;
        total += piece->size();
    }
    // Nothing is made from nothing: a byte of DEFLATE gives at most 1032.
    if (total > size * 1032) std::abort();
    return 0;
}
