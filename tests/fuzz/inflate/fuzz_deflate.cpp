// A raw DEFLATE stream, in pieces of the size that the first byte says: accepted where zlib accepts
// it, with the same content and the same bytes left behind it.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "lib/inflate/deflate.hpp"

namespace {

constexpr std::size_t kMost = 4U << 20U;  // of content; longer ones are not compared

struct Inflated {
    std::string content;
    std::size_t rest;
    bool operator==(const Inflated&) const = default;
};

enum class Outcome { good, bad, too_long };

Outcome by_zlib(std::string_view packed, Inflated& inflated) {
    z_stream stream{};
    inflateInit2(&stream, -15);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    int code = Z_OK;
    char out[1U << 16U];
    while (code == Z_OK && inflated.content.size() <= kMost) {
        stream.next_out = reinterpret_cast<Bytef*>(out);
        stream.avail_out = sizeof out;
        code = ::inflate(&stream, Z_NO_FLUSH);
        inflated.content.append(out, sizeof out - stream.avail_out);
    }
    inflated.rest = stream.avail_in;
    inflateEnd(&stream);
    if (inflated.content.size() > kMost) return Outcome::too_long;
    return code == Z_STREAM_END ? Outcome::good : Outcome::bad;
}

Outcome by_us(std::string_view packed, std::size_t piece_size, Inflated& inflated) {
    using namespace osiekit;
    inflate::ByteSource source = [&]() -> Result<std::string_view> {
        auto piece = packed.substr(0, piece_size);
        packed.remove_prefix(piece.size());
        return piece;
    };
    inflate::BitInput input(source);
    inflate::Deflate deflate(input);
    deflate.begin();
    for (;;) {
        auto piece = deflate.next();
        if (!piece) return Outcome::bad;
        if (piece->empty()) break;
        inflated.content += *piece;
        if (inflated.content.size() > kMost) return Outcome::too_long;
    }
    input.align();
    for (;;) {
        auto bytes = input.bytes().value();
        if (bytes.empty()) return Outcome::good;
        inflated.rest += bytes.size();
        input.skip(bytes.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view packed(reinterpret_cast<const char*>(data) + 1, size - 1);
    Inflated theirs{};
    Inflated ours{};
    Outcome right = by_zlib(packed, theirs);
    Outcome got = by_us(packed, std::size_t{1} + data[0] * 16, ours);
    if (right == Outcome::too_long || got == Outcome::too_long) return 0;
    if (got != right) std::abort();
    if (right == Outcome::good && ours != theirs) std::abort();
    return 0;
}
