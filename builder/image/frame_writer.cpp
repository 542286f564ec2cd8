#include "builder/image/frame_writer.hpp"

#include <lz4.h>
#include <lz4hc.h>
#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <vector>

#include "builder/image/frame_reader.hpp"
#include "builder/image/zstd_stream.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t piece_size = 1U << 18U;
constexpr unsigned most_xz_workers = 4;  // each takes a hundred MiB
constexpr std::uint64_t smallest_xz_block = 4ULL << 20U;

class PlainWriter : public FrameWriter {
  public:
    explicit PlainWriter(ByteSink sink) : sink_(std::move(sink)) {}
    Status write(std::string_view bytes) override { return sink_(bytes); }
    Status finish() override { return {}; }

  private:
    ByteSink sink_;
};

class ZstdFrameWriter : public FrameWriter {
  public:
    explicit ZstdFrameWriter(ZstdWriter writer) : writer_(std::move(writer)) {}
    Status write(std::string_view bytes) override { return writer_.write(bytes); }
    Status finish() override { return writer_.finish(); }

  private:
    ZstdWriter writer_;
};

class GzipWriter : public FrameWriter {
  public:
    explicit GzipWriter(ByteSink sink) : sink_(std::move(sink)), buffer_(piece_size) {}
    GzipWriter(const GzipWriter&) = delete;
    GzipWriter& operator=(const GzipWriter&) = delete;
    ~GzipWriter() override { deflateEnd(&stream_); }

    bool begin(int level) {
        constexpr int with_gzip_header = 15 + 16;
        constexpr int memory = 9;
        return deflateInit2(&stream_, level, Z_DEFLATED, with_gzip_header, memory,
                            Z_DEFAULT_STRATEGY) == Z_OK;
    }
    Status write(std::string_view bytes) override {
        constexpr std::size_t most = 1U << 30U;
        for (; !bytes.empty(); bytes.remove_prefix(std::min(most, bytes.size())))
            OSIEKIT_TRY(run(bytes.substr(0, most), Z_NO_FLUSH));
        return {};
    }
    Status finish() override { return run({}, Z_FINISH); }

  private:
    Status run(std::string_view bytes, int flush) {
        // zlib only reads through it.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        for (;;) {
            stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            int code = deflate(&stream_, flush);
            if (code == Z_STREAM_ERROR)
                return Error(ErrorKind::internal, "zlib refuses to compress");
            OSIEKIT_TRY(sink_({buffer_.data(), buffer_.size() - stream_.avail_out}));
            if (flush == Z_FINISH ? code == Z_STREAM_END : stream_.avail_out > 0) return {};
        }
    }

    ByteSink sink_;
    std::vector<char> buffer_;
    z_stream stream_ = {};
};

class XzWriter : public FrameWriter {
  public:
    explicit XzWriter(ByteSink sink) : sink_(std::move(sink)), buffer_(piece_size) {}
    XzWriter(const XzWriter&) = delete;
    XzWriter& operator=(const XzWriter&) = delete;
    ~XzWriter() override { lzma_end(&stream_); }

    // The blocks' size is part of the bytes, the number of threads is not.
    bool begin(const CompressionOptions& options) {
        if (lzma_lzma_preset(&lzma_, static_cast<std::uint32_t>(options.level))) return false;
        lzma_.dict_size = 1U << static_cast<unsigned>(options.window_log);
        filters_ = {{{LZMA_FILTER_LZMA2, &lzma_}, {LZMA_VLI_UNKNOWN, nullptr}}};
        lzma_mt settings = {};
        settings.threads = std::clamp(options.workers, 1U, most_xz_workers);
        settings.block_size = std::max<std::uint64_t>(smallest_xz_block, 3ULL * lzma_.dict_size);
        settings.filters = filters_.data();
        settings.check = LZMA_CHECK_CRC32;
        return lzma_stream_encoder_mt(&stream_, &settings) == LZMA_OK;
    }
    Status write(std::string_view bytes) override { return run(bytes, LZMA_RUN); }
    Status finish() override { return run({}, LZMA_FINISH); }

  private:
    Status run(std::string_view bytes, lzma_action action) {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        stream_.avail_in = bytes.size();
        for (;;) {
            stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer_.data());
            stream_.avail_out = buffer_.size();
            lzma_ret code = lzma_code(&stream_, action);
            if (code != LZMA_OK && code != LZMA_STREAM_END)
                return Error(ErrorKind::internal, "liblzma refuses to compress");
            OSIEKIT_TRY(sink_({buffer_.data(), buffer_.size() - stream_.avail_out}));
            if (action == LZMA_RUN ? stream_.avail_in == 0 : code == LZMA_STREAM_END) return {};
        }
    }

    ByteSink sink_;
    std::vector<char> buffer_;
    lzma_options_lzma lzma_ = {};
    std::array<lzma_filter, 2> filters_ = {};
    lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Lz4Writer : public FrameWriter {
  public:
    Lz4Writer(ByteSink sink, int level) : sink_(std::move(sink)), level_(level) {}
    Status write(std::string_view bytes) override {
        while (!bytes.empty()) {
            std::size_t part = std::min(bytes.size(), lz4_block_size - block_.size());
            block_ += bytes.substr(0, part);
            bytes.remove_prefix(part);
            if (block_.size() == lz4_block_size) OSIEKIT_TRY(flush());
        }
        return {};
    }
    Status finish() override { return flush(); }

  private:
    Status flush() {
        if (!begun_) OSIEKIT_TRY(sink_(std::string_view("\x02\x21\x4c\x18", 4)));
        begun_ = true;
        if (block_.empty()) return {};
        auto size = static_cast<int>(block_.size());
        std::string out(static_cast<std::size_t>(LZ4_compressBound(size)), '\0');
        int made =
            LZ4_compress_HC(block_.data(), out.data(), size, static_cast<int>(out.size()), level_);
        if (made <= 0) return Error(ErrorKind::internal, "lz4 refuses to compress");
        std::string length;
        for (unsigned shift = 0; shift < 32; shift += 8)
            length += static_cast<char>(static_cast<unsigned>(made) >> shift & 0xffU);
        block_.clear();
        OSIEKIT_TRY(sink_(length));
        return sink_(std::string_view(out).substr(0, static_cast<std::size_t>(made)));
    }

    ByteSink sink_;
    int level_;
    std::string block_;
    bool begun_ = false;
};

}  // namespace

Result<std::unique_ptr<FrameWriter>> make_frame_writer(const CompressionOptions& options,
                                                       std::uint64_t size, ByteSink sink) {
    using Writer = std::unique_ptr<FrameWriter>;
    OSIEKIT_TRY(check_compression(options));
    switch (options.method) {
        case CompressionMethod::zstd: {
            OSIEKIT_ASSIGN(ZstdWriter writer, ZstdWriter::create(options, size, std::move(sink)));
            return Writer(std::make_unique<ZstdFrameWriter>(std::move(writer)));
        }
        case CompressionMethod::gzip: {
            auto writer = std::make_unique<GzipWriter>(std::move(sink));
            if (!writer->begin(options.level))
                return Error(ErrorKind::internal, "no memory for zlib");
            return Writer(std::move(writer));
        }
        case CompressionMethod::xz: {
            auto writer = std::make_unique<XzWriter>(std::move(sink));
            if (!writer->begin(options)) return Error(ErrorKind::internal, "no memory for liblzma");
            return Writer(std::move(writer));
        }
        case CompressionMethod::lz4:
            return Writer(std::make_unique<Lz4Writer>(std::move(sink), options.level));
        default:
            return Writer(std::make_unique<PlainWriter>(std::move(sink)));
    }
}

Result<std::string> compress_frame(std::string_view bytes, const CompressionOptions& options) {
    std::string frame;
    OSIEKIT_ASSIGN(auto writer,
                   make_frame_writer(options, bytes.size(), [&](std::string_view piece) {
                       frame += piece;
                       return Status();
                   }));
    OSIEKIT_TRY(writer->write(bytes));
    OSIEKIT_TRY(writer->finish());
    return frame;
}

std::size_t frame_padding(CompressionMethod method, std::uint64_t size) {
    return method == CompressionMethod::lz4 ? 0 : (4 - size % 4) % 4;
}

}  // namespace osiekit::builder
