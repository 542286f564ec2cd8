#include "builder/image/zstd_stream.hpp"

#define ZSTD_STATIC_LINKING_ONLY  // ZSTD_getFrameHeader, for the window
#include <zstd.h>

#include <algorithm>

namespace osiekit::builder {

namespace {

Error zstd_error(const std::string& attempted, std::size_t code, ErrorKind kind) {
    return Error(kind, attempted + ": " + ZSTD_getErrorName(code));
}

}  // namespace

std::string zstd_library_version() {
    return ZSTD_versionString();
}

struct ZstdWriter::State {
    ZSTD_CCtx* context = nullptr;
    ByteSink sink;
    std::string buffer;
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { ZSTD_freeCCtx(context); }
};

ZstdWriter::ZstdWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ZstdWriter::ZstdWriter(ZstdWriter&&) noexcept = default;
ZstdWriter& ZstdWriter::operator=(ZstdWriter&&) noexcept = default;
ZstdWriter::~ZstdWriter() = default;

Result<ZstdWriter> ZstdWriter::create(const CompressionOptions& options, std::uint64_t size,
                                      ByteSink sink) {
    if (options.level < 1 || options.level > highest_level)
        return Error(ErrorKind::invalid_input, "zstd level " + std::to_string(options.level) +
                                                   " is not 1 to " + std::to_string(highest_level));
    if (options.window_log < smallest_window_log || options.window_log > largest_window_log)
        return Error(ErrorKind::invalid_input, "zstd window " + std::to_string(options.window_log) +
                                                   " is not " +
                                                   std::to_string(smallest_window_log) + " to " +
                                                   std::to_string(largest_window_log));
    auto state = std::make_unique<State>();
    state->sink = std::move(sink);
    state->buffer.resize(ZSTD_CStreamOutSize());
    state->context = ZSTD_createCCtx();
    if (state->context == nullptr) return Error(ErrorKind::internal, "no memory for zstd");
    int workers = static_cast<int>(std::max(1U, options.workers));
    for (auto [parameter, value] :
         {std::pair{ZSTD_c_compressionLevel, options.level},
          std::pair{ZSTD_c_windowLog, options.window_log},
          std::pair{ZSTD_c_enableLongDistanceMatching, 1}, std::pair{ZSTD_c_checksumFlag, 1},
          std::pair{ZSTD_c_contentSizeFlag, 1}, std::pair{ZSTD_c_nbWorkers, workers}}) {
        std::size_t code = ZSTD_CCtx_setParameter(state->context, parameter, value);
        if (ZSTD_isError(code) != 0)
            return zstd_error("setting up zstd", code, ErrorKind::unsupported);
    }
    std::size_t code = ZSTD_CCtx_setPledgedSrcSize(state->context, size);
    if (ZSTD_isError(code) != 0) return zstd_error("setting up zstd", code, ErrorKind::internal);
    return ZstdWriter(std::move(state));
}

Status ZstdWriter::run(std::string_view bytes, bool end) {
    ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
    for (;;) {
        ZSTD_outBuffer out = {state_->buffer.data(), state_->buffer.size(), 0};
        std::size_t left =
            ZSTD_compressStream2(state_->context, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0)
            return zstd_error("compressing with zstd", left, ErrorKind::internal);
        if (out.pos > 0) OSIEKIT_TRY(state_->sink({state_->buffer.data(), out.pos}));
        if (end ? left == 0 : in.pos == in.size) return {};
    }
}

Status ZstdWriter::write(std::string_view bytes) {
    return run(bytes, false);
}
Status ZstdWriter::finish() {
    return run({}, true);
}

Result<std::string> zstd_compress(std::string_view bytes, const CompressionOptions& options) {
    std::string frame;
    OSIEKIT_ASSIGN(ZstdWriter writer,
                   ZstdWriter::create(options, bytes.size(), [&](std::string_view piece) {
                       frame += piece;
                       return Status();
                   }));
    OSIEKIT_TRY(writer.write(bytes));
    OSIEKIT_TRY(writer.finish());
    return frame;
}

Result<std::string> zstd_compress_quickly(std::string_view bytes) {
    std::string frame(ZSTD_compressBound(bytes.size()), '\0');
    std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 1);
    if (ZSTD_isError(size) != 0)
        return zstd_error("compressing with zstd", size, ErrorKind::internal);
    frame.resize(size);
    return frame;
}

Result<ZstdFrame> read_zstd_frame(std::string_view bytes, std::uint64_t limit) {
    std::string content;
    OSIEKIT_ASSIGN(ZstdFrame frame, stream_zstd_frame(bytes, limit, [&](std::string_view piece) {
                       content += piece;
                       return Status();
                   }));
    frame.content = std::move(content);
    return frame;
}

Result<ZstdFrame> stream_zstd_frame(std::string_view bytes, std::uint64_t limit,
                                    const ByteSink& sink) {
    ZSTD_frameHeader header;
    std::size_t code = ZSTD_getFrameHeader(&header, bytes.data(), bytes.size());
    if (code != 0 || header.frameType != ZSTD_frame)
        return Error(ErrorKind::invalid_input, "not a zstd frame, or one that is cut short");
    if (header.windowSize > (1ULL << largest_window_log))
        return Error(ErrorKind::unsupported, "the zstd frame needs a window of " +
                                                 std::to_string(header.windowSize) +
                                                 " bytes; the kernel refuses more than 128 MiB");
    ZstdFrame frame;
    frame.window = header.windowSize;
    std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                    ZSTD_freeDCtx);
    if (!context) return Error(ErrorKind::internal, "no memory for zstd");
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window_log);
    std::string buffer(ZSTD_DStreamOutSize(), '\0');
    ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
    for (std::uint64_t given = 0;;) {
        ZSTD_outBuffer out = {buffer.data(), buffer.size(), 0};
        std::size_t left = ZSTD_decompressStream(context.get(), &out, &in);
        if (ZSTD_isError(left) != 0)
            return zstd_error("unpacking a zstd frame", left, ErrorKind::invalid_input);
        if (out.pos > limit - given)
            return Error(ErrorKind::limit,
                         "the zstd frame unpacks to more than " + std::to_string(limit) + " bytes");
        given += out.pos;
        OSIEKIT_TRY(sink({buffer.data(), out.pos}));
        if (left == 0) break;
        if (in.pos == in.size && out.pos < buffer.size())
            return Error(ErrorKind::invalid_input, "the zstd frame is cut short");
    }
    frame.compressed_size = in.pos;
    return frame;
}

}  // namespace osiekit::builder
