#include "images/image2disk/decoder.hpp"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

namespace osiekit::images::image2disk {
namespace {

constexpr std::size_t output_size = 1U << 20U;
constexpr std::size_t largest_input = 1U << 30U;  // of one call, as bzip2 and zlib count in 32 bits
constexpr std::uint64_t xz_memory_limit = 256ULL << 20U;
constexpr int zstd_window_log_limit = 27;  // 128 MiB; more needs "--long" on both sides

Error damaged(Format format, const std::string& why) {
    return {ErrorKind::invalid_input,
            "the " + std::string(to_string(format)) + " stream is damaged: " + why};
}

Error cut(Format format) {
    return {ErrorKind::invalid_input, "the " + std::string(to_string(format)) +
                                          " stream ends in its middle: the image is cut"};
}

class PlainDecoder : public Decoder {
  public:
    Status feed(std::string_view bytes, const Sink& sink) override { return sink(bytes); }
    Status finish() override { return {}; }
};

// The common shape: a member is open from its first byte to its end; bytes after an end open the
// next.
class MemberDecoder : public Decoder {
  public:
    explicit MemberDecoder(Format format) : format_(format), output_(output_size) {}

    Status feed(std::string_view bytes, const Sink& sink) override {
        while (!bytes.empty()) {
            if (!open_) {
                // Block devices and tapes pad with zeros after the last member.
                if (any_)
                    bytes.remove_prefix(std::min(bytes.find_first_not_of('\0'), bytes.size()));
                if (bytes.empty()) break;
                OSIEKIT_TRY(restart());
                open_ = any_ = true;
            }
            std::string_view piece = bytes.substr(0, largest_input);
            OSIEKIT_ASSIGN(std::size_t used, step(piece, sink));
            bytes.remove_prefix(used);
        }
        return {};
    }

    Status finish() override {
        if (open_ || !any_) return cut(format_);
        return {};
    }

  protected:
    virtual Status restart() = 0;
    // Decodes all of the piece or up to the member's end (then clears open_); gives the bytes used.
    virtual Result<std::size_t> step(std::string_view piece, const Sink& sink) = 0;

    Format format_;
    std::vector<char> output_;
    bool open_ = false;
    bool any_ = false;
};

class GzipDecoder : public MemberDecoder {
  public:
    GzipDecoder() : MemberDecoder(Format::gzip) {}
    GzipDecoder(const GzipDecoder&) = delete;
    GzipDecoder& operator=(const GzipDecoder&) = delete;
    ~GzipDecoder() override { ::inflateEnd(&stream_); }

  protected:
    Status restart() override {
        ::inflateEnd(&stream_);
        stream_ = {};
        if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK)
            return Error(ErrorKind::io, "no memory for the gzip decoder");
        return {};
    }
    Result<std::size_t> step(std::string_view piece, const Sink& sink) override {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
        stream_.avail_in = static_cast<uInt>(piece.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(output_.data());
            stream_.avail_out = static_cast<uInt>(output_.size());
            int code = ::inflate(&stream_, Z_NO_FLUSH);
            if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
                return damaged(format_, stream_.msg == nullptr ? "no reason given" : stream_.msg);
            OSIEKIT_TRY(sink({output_.data(), output_.size() - stream_.avail_out}));
            open_ = code != Z_STREAM_END;
        } while (open_ && (stream_.avail_in > 0 || stream_.avail_out == 0));
        return piece.size() - stream_.avail_in;
    }

  private:
    z_stream stream_{};
};

class Bzip2Decoder : public MemberDecoder {
  public:
    Bzip2Decoder() : MemberDecoder(Format::bzip2) {}
    Bzip2Decoder(const Bzip2Decoder&) = delete;
    Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;
    ~Bzip2Decoder() override { ::BZ2_bzDecompressEnd(&stream_); }

  protected:
    Status restart() override {
        ::BZ2_bzDecompressEnd(&stream_);
        stream_ = {};
        if (::BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
            return Error(ErrorKind::io, "no memory for the bzip2 decoder");
        return {};
    }
    Result<std::size_t> step(std::string_view piece, const Sink& sink) override {
        stream_.next_in = const_cast<char*>(piece.data());
        stream_.avail_in = static_cast<unsigned>(piece.size());
        do {
            stream_.next_out = output_.data();
            stream_.avail_out = static_cast<unsigned>(output_.size());
            int code = ::BZ2_bzDecompress(&stream_);
            if (code != BZ_OK && code != BZ_STREAM_END)
                return damaged(format_, "bzip2 error " + std::to_string(code));
            OSIEKIT_TRY(sink({output_.data(), output_.size() - stream_.avail_out}));
            open_ = code != BZ_STREAM_END;
        } while (open_ && (stream_.avail_in > 0 || stream_.avail_out == 0));
        return piece.size() - stream_.avail_in;
    }

  private:
    bz_stream stream_{};
};

class XzDecoder : public MemberDecoder {
  public:
    XzDecoder() : MemberDecoder(Format::xz) {}
    XzDecoder(const XzDecoder&) = delete;
    XzDecoder& operator=(const XzDecoder&) = delete;
    ~XzDecoder() override { ::lzma_end(&stream_); }

  protected:
    Status restart() override {
        if (::lzma_stream_decoder(&stream_, xz_memory_limit, 0) != LZMA_OK)
            return Error(ErrorKind::io, "no memory for the xz decoder");
        return {};
    }
    Result<std::size_t> step(std::string_view piece, const Sink& sink) override {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(piece.data());
        stream_.avail_in = piece.size();
        do {
            stream_.next_out = reinterpret_cast<std::uint8_t*>(output_.data());
            stream_.avail_out = output_.size();
            lzma_ret code = ::lzma_code(&stream_, LZMA_RUN);
            if (code == LZMA_MEMLIMIT_ERROR)
                return Error(ErrorKind::limit, "the xz stream needs more than 256 MiB to unpack");
            if (code != LZMA_OK && code != LZMA_STREAM_END && code != LZMA_BUF_ERROR)
                return damaged(format_, "xz error " + std::to_string(code));
            OSIEKIT_TRY(sink({output_.data(), output_.size() - stream_.avail_out}));
            open_ = code != LZMA_STREAM_END;
        } while (open_ && (stream_.avail_in > 0 || stream_.avail_out == 0));
        return piece.size() - stream_.avail_in;
    }

  private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

class ZstdDecoder : public MemberDecoder {
  public:
    ZstdDecoder() : MemberDecoder(Format::zstd), stream_(::ZSTD_createDStream()) {}
    ZstdDecoder(const ZstdDecoder&) = delete;
    ZstdDecoder& operator=(const ZstdDecoder&) = delete;
    ~ZstdDecoder() override { ::ZSTD_freeDStream(stream_); }

  protected:
    Status restart() override {
        if (stream_ == nullptr) return Error(ErrorKind::io, "no memory for the zstd decoder");
        ::ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only);
        ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, zstd_window_log_limit);
        return {};
    }
    Result<std::size_t> step(std::string_view piece, const Sink& sink) override {
        ZSTD_inBuffer in{piece.data(), piece.size(), 0};
        bool full = false;
        do {
            ZSTD_outBuffer out{output_.data(), output_.size(), 0};
            std::size_t code = ::ZSTD_decompressStream(stream_, &out, &in);
            if (::ZSTD_isError(code) != 0) return damaged(format_, ::ZSTD_getErrorName(code));
            OSIEKIT_TRY(sink({output_.data(), out.pos}));
            open_ = code != 0;
            full = out.pos == out.size;
        } while (open_ && (in.pos < in.size || full));
        return in.pos;
    }

  private:
    ZSTD_DStream* stream_;
};

class DetectingDecoder : public Decoder {
  public:
    Status feed(std::string_view bytes, const Sink& sink) override {
        if (chosen_) return chosen_->feed(bytes, sink);
        start_ += bytes;
        if (start_.size() < magic_size) return {};
        OSIEKIT_TRY(choose());
        return chosen_->feed(start_, sink);
    }
    Status finish() override {
        if (!chosen_) OSIEKIT_TRY(choose());
        return chosen_->finish();
    }

  private:
    Status choose() {
        Format format = recognise(start_);
        if (format == Format::unknown)
            return Error(ErrorKind::invalid_input,
                         "COMPRESSED is true, but what the server sends is not gzip, bzip2, xz or "
                         "zstd")
                .hint("set COMPRESSED to false for a raw image, or check the address");
        chosen_ = make_decoder(format);
        return {};
    }
    std::string start_;
    std::unique_ptr<Decoder> chosen_;
};

}  // namespace

std::string_view to_string(Format format) {
    switch (format) {
        case Format::gzip:
            return "gzip";
        case Format::bzip2:
            return "bzip2";
        case Format::xz:
            return "xz";
        case Format::zstd:
            return "zstd";
        case Format::unknown:
            break;
    }
    return "unknown";
}

Format recognise(std::string_view start) {
    auto begins = [&](std::string_view mark) { return start.substr(0, mark.size()) == mark; };
    if (begins("\x1f\x8b")) return Format::gzip;
    if (begins("BZh")) return Format::bzip2;
    if (begins(std::string_view("\xfd"
                                "7zXZ\0",
                                6)))
        return Format::xz;
    if (begins("\x28\xb5\x2f\xfd")) return Format::zstd;
    // A skippable frame, which zstd archives may begin with.
    if (start.size() >= 4 && (static_cast<unsigned char>(start[0]) & 0xf0U) == 0x50 &&
        start.substr(1, 3) == "\x2a\x4d\x18")
        return Format::zstd;
    return Format::unknown;
}

std::unique_ptr<Decoder> make_plain_decoder() {
    return std::make_unique<PlainDecoder>();
}
std::unique_ptr<Decoder> make_detecting_decoder() {
    return std::make_unique<DetectingDecoder>();
}

std::unique_ptr<Decoder> make_decoder(Format format) {
    switch (format) {
        case Format::gzip:
            return std::make_unique<GzipDecoder>();
        case Format::bzip2:
            return std::make_unique<Bzip2Decoder>();
        case Format::xz:
            return std::make_unique<XzDecoder>();
        case Format::zstd:
            return std::make_unique<ZstdDecoder>();
        case Format::unknown:
            break;
    }
    return std::make_unique<PlainDecoder>();
}

}  // namespace osiekit::images::image2disk
