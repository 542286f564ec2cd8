#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

#include "lib/inflate/gzip_reader.hpp"

// zlib makes what is read, and says what is right.
namespace osiekit::inflate::test {

enum class Wrapping { raw = -15, gzip = 31 };

inline std::string compress(std::string_view content, Wrapping wrapping, int level = 6,
                            int strategy = Z_DEFAULT_STRATEGY) {
    z_stream stream{};
    deflateInit2(&stream, level, Z_DEFLATED, static_cast<int>(wrapping), 8, strategy);
    std::string packed(deflateBound(&stream, content.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

inline ByteSource in_pieces(std::string_view bytes, std::size_t size) {
    return [bytes, size]() mutable -> Result<std::string_view> {
        std::string_view piece = bytes.substr(0, size);
        bytes.remove_prefix(piece.size());
        return piece;
    };
}

template <typename Reader>
Result<std::string> read_all(Reader& reader) {
    std::string all;
    for (;;) {
        OSIEKIT_ASSIGN(auto piece, reader.next());
        if (piece.empty()) return all;
        all += piece;
    }
}

inline Result<std::string> gunzip(std::string_view packed, std::size_t piece_size = 4096) {
    ByteSource source = in_pieces(packed, piece_size);
    GzipReader reader(source);
    return read_all(reader);
}

inline Result<std::string> inflate_raw(std::string_view packed, std::size_t piece_size = 4096) {
    ByteSource source = in_pieces(packed, piece_size);
    BitInput input(source);
    Deflate deflate(input);
    deflate.begin();
    return read_all(deflate);
}

inline std::string random_bytes(std::size_t size, unsigned seed, unsigned kinds = 256) {
    std::mt19937 random(seed);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % kinds);
    return bytes;
}

// Words that come back at all distances, among noise.
inline std::string prose(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::string text;
    while (text.size() < size) {
        if (!text.empty() && random() % 4 != 0) {
            std::size_t back = 1 + random() % std::min<std::size_t>(text.size(), 40000);
            std::size_t length =
                std::min<std::size_t>(3 + random() % (random() % 8 == 0 ? 400 : 20), back);
            text += text.substr(text.size() - back, length);
        } else {
            text += random_bytes(1 + random() % 12, random(), 60);
        }
    }
    text.resize(size);
    return text;
}

}  // namespace osiekit::inflate::test
