#include "builder/image/frame_reader.hpp"

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "builder/image/lzo_reader.hpp"
#include "builder/image/zstd_stream.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t piece_size = 1U << 18U;

struct Magic {
    std::string_view bytes;
    CompressionMethod method;
};
constexpr std::array<Magic, 8> magics = {
    {{std::string_view("\x28\xb5\x2f\xfd", 4), CompressionMethod::zstd},
     {std::string_view("\x1f\x8b", 2), CompressionMethod::gzip},
     {std::string_view("\x1f\x9e", 2), CompressionMethod::gzip},
     {std::string_view("\xfd\x37", 2), CompressionMethod::xz},
     {std::string_view("\x42\x5a", 2), CompressionMethod::bzip2},
     {std::string_view("\x5d\x00", 2), CompressionMethod::lzma},
     {std::string_view("\x02\x21", 2), CompressionMethod::lz4},
     {std::string_view("\x89\x4c", 2), CompressionMethod::lzo}}};

Error broken(CompressionMethod method, const std::string& why) {
    return Error(ErrorKind::invalid_input,
                 "the " + std::string(to_string(method)) + " data " + why);
}

// Where the content goes, and how much of it may.
class Output {
  public:
    Output(std::uint64_t limit, const ByteSink& sink) : left_(limit), limit_(limit), sink_(sink) {}

    Status append(CompressionMethod method, std::string_view piece) {
        if (piece.size() > left_)
            return Error(ErrorKind::limit, "the " + std::string(to_string(method)) +
                                               " data unpacks to more than " +
                                               std::to_string(limit_) + " bytes");
        left_ -= piece.size();
        return sink_(piece);
    }

  private:
    std::uint64_t left_;
    std::uint64_t limit_;
    const ByteSink& sink_;
};

template <typename Count>
Count counted(std::size_t size) {
    return static_cast<Count>(std::min<std::size_t>(size, std::numeric_limits<Count>::max()));
}

Result<Frame> read_gzip(std::string_view bytes, Output& output) {
    Frame frame;
    frame.method = CompressionMethod::gzip;
    z_stream stream = {};
    constexpr int with_gzip_header = 15 + 16;
    if (inflateInit2(&stream, with_gzip_header) != Z_OK)
        return Error(ErrorKind::internal, "no memory for zlib");
    struct End {
        z_stream& stream;
        ~End() { inflateEnd(&stream); }
    } end{stream};
    std::vector<char> buffer(piece_size);
    std::size_t used = 0;
    for (int code = Z_OK; code != Z_STREAM_END;) {
        std::string_view rest = bytes.substr(used);
        // zlib only reads through it.
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest.data()));
        stream.avail_in = counted<uInt>(rest.size());
        uInt offered = stream.avail_in;
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        code = inflate(&stream, Z_NO_FLUSH);
        used += offered - stream.avail_in;
        if (code == Z_BUF_ERROR) return broken(frame.method, "is cut short");
        if (code != Z_OK && code != Z_STREAM_END)
            return broken(frame.method, stream.msg != nullptr
                                            ? std::string("is damaged: ") + stream.msg
                                            : "is damaged");
        OSIEKIT_TRY(output.append(frame.method, {buffer.data(), buffer.size() - stream.avail_out}));
    }
    frame.compressed_size = used;
    return frame;
}

// xz and the older lzma.
struct LzmaStream {
    lzma_stream stream = LZMA_STREAM_INIT;
    LzmaStream() = default;
    LzmaStream(const LzmaStream&) = delete;
    LzmaStream& operator=(const LzmaStream&) = delete;
    ~LzmaStream() { lzma_end(&stream); }
};

Result<Frame> run_lzma(Frame frame, lzma_stream& stream, std::string_view bytes, Output& output) {
    std::vector<std::uint8_t> buffer(piece_size);
    stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    stream.avail_in = bytes.size();
    for (lzma_ret code = LZMA_OK; code != LZMA_STREAM_END;) {
        stream.next_out = buffer.data();
        stream.avail_out = buffer.size();
        code = lzma_code(&stream, LZMA_RUN);
        if (code == LZMA_MEMLIMIT_ERROR)
            return Error(ErrorKind::limit,
                         "the " + std::string(to_string(frame.method)) + " data needs more than " +
                             std::to_string(unpacking_memory >> 20U) + " MiB of memory to unpack");
        if (code == LZMA_BUF_ERROR) return broken(frame.method, "is cut short");
        if (code == LZMA_OPTIONS_ERROR)
            return Error(ErrorKind::unsupported, "the " + std::string(to_string(frame.method)) +
                                                     " data uses options that are not known");
        if (code != LZMA_OK && code != LZMA_STREAM_END) return broken(frame.method, "is damaged");
        auto* start = reinterpret_cast<const char*>(buffer.data());
        OSIEKIT_TRY(output.append(frame.method, {start, buffer.size() - stream.avail_out}));
    }
    frame.compressed_size = bytes.size() - stream.avail_in;
    return frame;
}

Result<Frame> read_xz(std::string_view bytes, Output& output) {
    Frame frame;
    frame.method = CompressionMethod::xz;
    if (bytes.size() < LZMA_STREAM_HEADER_SIZE) return broken(frame.method, "is cut short");
    lzma_stream_flags flags = {};
    auto* header = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (lzma_stream_header_decode(&flags, header) != LZMA_OK)
        return broken(frame.method, "has no usable header");
    if (flags.check != LZMA_CHECK_NONE && flags.check != LZMA_CHECK_CRC32)
        return Error(ErrorKind::unsupported,
                     "the xz data has a check that the kernel does not know (number " +
                         std::to_string(static_cast<int>(flags.check)) + ")")
            .hint("compress it with xz --check=crc32");
    LzmaStream lzma;
    if (lzma_stream_decoder(&lzma.stream, unpacking_memory, 0) != LZMA_OK)
        return Error(ErrorKind::internal, "no memory for liblzma");
    return run_lzma(std::move(frame), lzma.stream, bytes, output);
}

Result<Frame> read_lzma(std::string_view bytes, Output& output) {
    Frame frame;
    frame.method = CompressionMethod::lzma;
    constexpr std::size_t header_size = 13;  // properties, dictionary, size
    if (bytes.size() < header_size) return broken(frame.method, "is cut short");
    for (std::size_t i = 4; i > 0; --i)
        frame.window = frame.window << 8U | static_cast<unsigned char>(bytes[i]);
    LzmaStream lzma;
    if (lzma_alone_decoder(&lzma.stream, unpacking_memory) != LZMA_OK)
        return Error(ErrorKind::internal, "no memory for liblzma");
    return run_lzma(std::move(frame), lzma.stream, bytes, output);
}

Result<Frame> read_bzip2(std::string_view bytes, Output& output) {
    Frame frame;
    frame.method = CompressionMethod::bzip2;
    bz_stream stream = {};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK)
        return Error(ErrorKind::internal, "no memory for bzip2");
    struct End {
        bz_stream& stream;
        ~End() { BZ2_bzDecompressEnd(&stream); }
    } end{stream};
    std::vector<char> buffer(piece_size);
    std::size_t used = 0;
    for (int code = BZ_OK; code != BZ_STREAM_END;) {
        std::string_view rest = bytes.substr(used);
        stream.next_in = const_cast<char*>(rest.data());  // only read through
        stream.avail_in = counted<unsigned>(rest.size());
        unsigned offered = stream.avail_in;
        stream.next_out = buffer.data();
        stream.avail_out = static_cast<unsigned>(buffer.size());
        code = BZ2_bzDecompress(&stream);
        used += offered - stream.avail_in;
        if (code != BZ_OK && code != BZ_STREAM_END) return broken(frame.method, "is damaged");
        std::size_t made = buffer.size() - stream.avail_out;
        if (code == BZ_OK && made == 0 && used == bytes.size())
            return broken(frame.method, "is cut short");
        OSIEKIT_TRY(output.append(frame.method, {buffer.data(), made}));
    }
    frame.compressed_size = used;
    return frame;
}

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i > 0; --i)
        value = value << 8U | static_cast<unsigned char>(bytes[i - 1]);
    return value;
}

Result<Frame> read_lz4(std::string_view bytes, Output& output) {
    constexpr std::uint32_t legacy_magic = 0x184c2102;
    constexpr std::size_t word = 4;
    Frame frame;
    frame.method = CompressionMethod::lz4;
    if (bytes.size() < word || little_endian(bytes) != legacy_magic)
        return Error(ErrorKind::unsupported,
                     "the lz4 data is not in the legacy format, the only one the kernel reads")
            .hint("compress it with lz4 -l");
    std::size_t at = word;
    std::vector<char> buffer(lz4_block_size);
    while (bytes.size() - at >= word) {
        std::uint32_t size = little_endian(bytes.substr(at));
        if (size == 0 || size == legacy_magic) break;
        at += word;
        if (size > bytes.size() - at) return broken(frame.method, "is cut short");
        int made = LZ4_decompress_safe(bytes.data() + at, buffer.data(), counted<int>(size),
                                       static_cast<int>(buffer.size()));
        if (made < 0) return broken(frame.method, "is damaged");
        OSIEKIT_TRY(output.append(frame.method, {buffer.data(), static_cast<std::size_t>(made)}));
        at += size;
    }
    frame.compressed_size = at;
    return frame;
}

}  // namespace

std::optional<CompressionMethod> recognise_frame(std::string_view bytes) {
    for (const Magic& magic : magics)
        if (bytes.starts_with(magic.bytes)) return magic.method;
    return std::nullopt;
}

Result<Frame> read_frame(std::string_view bytes, std::uint64_t limit) {
    std::string content;
    OSIEKIT_ASSIGN(Frame frame, stream_frame(bytes, limit, [&](std::string_view piece) {
                       content += piece;
                       return Status();
                   }));
    frame.content = std::move(content);
    return frame;
}

Result<Frame> stream_frame(std::string_view bytes, std::uint64_t limit, const ByteSink& sink) {
    Output output(limit, sink);
    auto method = recognise_frame(bytes);
    if (!method)
        return Error(ErrorKind::invalid_input, "neither a cpio archive nor compressed data");
    switch (*method) {
        case CompressionMethod::gzip:
            return read_gzip(bytes, output);
        case CompressionMethod::xz:
            return read_xz(bytes, output);
        case CompressionMethod::lzma:
            return read_lzma(bytes, output);
        case CompressionMethod::bzip2:
            return read_bzip2(bytes, output);
        case CompressionMethod::lz4:
            return read_lz4(bytes, output);
        case CompressionMethod::zstd: {
            OSIEKIT_ASSIGN(ZstdFrame zstd, stream_zstd_frame(bytes, limit, sink));
            return Frame{*method, zstd.compressed_size, zstd.window, {}};
        }
        case CompressionMethod::lzo: {
            OSIEKIT_ASSIGN(LzoPiece piece, read_lzop(bytes, limit));
            OSIEKIT_TRY(output.append(*method, piece.content));
            return Frame{*method, piece.compressed_size, 0, {}};
        }
        case CompressionMethod::none:
            break;  // has no magic
    }
    return Error(ErrorKind::internal, "a compression that is not known");
}

}  // namespace osiekit::builder
