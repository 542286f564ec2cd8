#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "builder/image/compression.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// "1.5.4": the bytes depend on it, so it is part of every cache key.
std::string zstd_library_version();

// Writes one zstd frame with content size and checksum, and long distance matching.
class ZstdWriter {
  public:
    // `size` is how many bytes will be written exactly; the window of a smaller frame shrinks to
    // it. Errors: invalid_input (level or window out of range), internal.
    static Result<ZstdWriter> create(const CompressionOptions& options, std::uint64_t size,
                                     ByteSink sink);
    ZstdWriter(ZstdWriter&&) noexcept;
    ZstdWriter& operator=(ZstdWriter&&) noexcept;
    ~ZstdWriter();

    Status write(std::string_view bytes);
    Status finish();

  private:
    struct State;
    explicit ZstdWriter(std::unique_ptr<State> state);
    Status run(std::string_view bytes, bool end);
    std::unique_ptr<State> state_;
};

// The frame that `bytes` starts with.
struct ZstdFrame {
    std::size_t compressed_size = 0;  // of the frame; what follows it is not looked at
    std::uint64_t window = 0;         // bytes
    std::string content;
};
// Unpacks it as the kernel would. Errors: invalid_input (no frame, broken, cut short, checksum),
// unsupported (window above largest_window_log), limit (content larger than `limit`).
Result<ZstdFrame> read_zstd_frame(std::string_view bytes, std::uint64_t limit);

// The same, with the content given to `sink` piece by piece and not kept. An error of the sink ends
// the reading and is returned.
Result<ZstdFrame> stream_zstd_frame(std::string_view bytes, std::uint64_t limit,
                                    const ByteSink& sink);

// In memory, for small things.
Result<std::string> zstd_compress(std::string_view bytes, const CompressionOptions& options);
// Quick and with little gain, for what stays on this machine.
Result<std::string> zstd_compress_quickly(std::string_view bytes);

}  // namespace osiekit::builder
