#include "builder/debian/decompress.hpp"

#include <archive.h>
#include <lzma.h>

#include <algorithm>
#include <thread>

namespace osiekit::builder {
namespace {

constexpr std::size_t piece_size = 1U << 20U;
// Beyond the first, fewer threads are used; beyond the second, the stream is refused. dpkg-deb
// writes blocks of 24 MiB, of which a thread holds one packed and one unpacked.
constexpr std::uint64_t threading_memory = 112ULL << 20;
constexpr std::uint64_t memory_limit = 1ULL << 30;
constexpr unsigned most_threads = 8;

using ArchivePtr = std::unique_ptr<archive, decltype(&archive_read_free)>;

}  // namespace

struct XzReader::State {
    ByteSource& source;
    lzma_stream stream = LZMA_STREAM_INIT;
    std::vector<char> input;
    std::vector<std::uint8_t> output;
    bool all_read = false;
    bool finished = false;
    lzma_ret begun = LZMA_OK;
    explicit State(ByteSource& bytes) : source(bytes) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { lzma_end(&stream); }

    // Once all that is here was taken.
    Status fill(ByteSource::Wait wait) {
        if (all_read || stream.avail_in > 0) return {};
        OSIEKIT_ASSIGN(std::size_t count, source.read(input.data(), input.size(), wait));
        all_read = count == 0 && wait == ByteSource::Wait::yes;
        stream.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
        stream.avail_in = count;
        return {};
    }
    // Takes what is here, and gives what is ready.
    lzma_ret step() { return lzma_code(&stream, all_read ? LZMA_FINISH : LZMA_RUN); }
};

XzReader::XzReader(ByteSource& compressed) : state_(std::make_unique<State>(compressed)) {
    state_->input.resize(piece_size);
    state_->output.resize(piece_size);
    lzma_mt options{};
    options.flags = LZMA_CONCATENATED;
    options.threads = std::clamp(std::thread::hardware_concurrency(), 1U, most_threads);
    options.memlimit_threading = threading_memory;
    options.memlimit_stop = memory_limit;
    state_->begun = lzma_stream_decoder_mt(&state_->stream, &options);
}
XzReader::XzReader(XzReader&&) noexcept = default;
XzReader& XzReader::operator=(XzReader&&) noexcept = default;
XzReader::~XzReader() = default;

Result<std::string_view> XzReader::next() {
    State& state = *state_;
    if (state.begun != LZMA_OK) return Error(ErrorKind::internal, "liblzma could not be started");
    if (state.finished) return std::string_view();
    state.stream.next_out = state.output.data();
    state.stream.avail_out = state.output.size();
    lzma_ret code = LZMA_OK;
    while (code == LZMA_OK && state.stream.avail_out > 0) {
        // What is unpacked already does not wait for what is still to come.
        bool some = state.stream.avail_out < state.output.size();
        OSIEKIT_TRY(state.fill(some ? ByteSource::Wait::no : ByteSource::Wait::yes));
        if (some && state.stream.avail_in == 0 && !state.all_read) break;
        code = state.step();
        // It could do nothing with what it had, which only counts at the end.
        if (code == LZMA_BUF_ERROR && !state.all_read) code = LZMA_OK;
    }
    if (code == LZMA_STREAM_END) state.finished = true;
    if (code == LZMA_MEMLIMIT_ERROR)
        return Error(ErrorKind::limit, "the xz stream needs more than " +
                                           std::to_string(memory_limit >> 20) +
                                           " MiB of memory to unpack");
    if (code != LZMA_OK && code != LZMA_STREAM_END)
        return Error(ErrorKind::invalid_input, code == LZMA_BUF_ERROR ? "the xz stream is cut short"
                                                                      : "the xz stream is damaged");
    return std::string_view(reinterpret_cast<const char*>(state.output.data()),
                            state.output.size() - state.stream.avail_out);
}

namespace {

Status append_within(std::string& result, std::string_view piece, std::uint64_t limit) {
    if (piece.size() > limit - result.size())
        return Error(ErrorKind::limit,
                     "it unpacks to more than " + std::to_string(limit) + " bytes");
    result += piece;
    return {};
}

Result<std::string> unpack_raw(std::string_view compressed, std::uint64_t limit) {
    ArchivePtr reader(archive_read_new(), archive_read_free);
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_filter_zstd(reader.get());
    archive_read_support_format_raw(reader.get());
    auto damaged = [&] {
        const char* reason = archive_error_string(reader.get());
        return Error(ErrorKind::invalid_input,
                     std::string("it cannot be unpacked: ") + (reason != nullptr ? reason : "?"));
    };
    archive_entry* entry = nullptr;
    if (archive_read_open_memory(reader.get(), compressed.data(), compressed.size()) !=
            ARCHIVE_OK ||
        archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
        return damaged();
    // Without a filter that recognises them, the bytes would be taken as they are.
    if (archive_filter_code(reader.get(), 0) == ARCHIVE_FILTER_NONE)
        return Error(ErrorKind::invalid_input, "it is not compressed as its name says");
    std::string result;
    std::vector<char> buffer(piece_size);
    for (;;) {
        la_ssize_t n = archive_read_data(reader.get(), buffer.data(), buffer.size());
        if (n < 0) return damaged();
        if (n == 0) return result;
        OSIEKIT_TRY(append_within(result, {buffer.data(), static_cast<std::size_t>(n)}, limit));
    }
}

}  // namespace

Result<std::string> decompress_all(std::string_view compressed, std::string_view name,
                                   std::uint64_t limit) {
    if (name.ends_with(".gz") || name.ends_with(".zst")) return unpack_raw(compressed, limit);
    std::string result;
    if (!name.ends_with(".xz")) {
        OSIEKIT_TRY(append_within(result, compressed, limit));
        return result;
    }
    MemoryBytes bytes(compressed);
    XzReader reader(bytes);
    for (;;) {
        OSIEKIT_ASSIGN(std::string_view piece, reader.next());
        if (piece.empty()) return result;
        OSIEKIT_TRY(append_within(result, piece, limit));
    }
}

}  // namespace osiekit::builder
