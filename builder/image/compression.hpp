#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// How the kernel lets an initramfs be compressed. bzip2, lzma and lzo are only read, never written.
enum class CompressionMethod { zstd, xz, gzip, lz4, none, bzip2, lzma, lzo };

// Those that images are written with.
constexpr std::array<CompressionMethod, 5> written_methods = {
    CompressionMethod::zstd, CompressionMethod::xz, CompressionMethod::gzip, CompressionMethod::lz4,
    CompressionMethod::none};

std::string_view to_string(CompressionMethod method);
// One of those that are written.
std::optional<CompressionMethod> parse_compression_method(std::string_view name);
// "CONFIG_RD_ZSTD"; empty for none, which every kernel with an initramfs takes.
std::string_view kernel_option(CompressionMethod method);

// The kernel allocates the window of a zstd frame while it boots and refuses one above 128 MiB
// (lib/decompress_unzstd.c, ZSTD_WINDOWLOG_MAX 27). The dictionary of xz is allocated as well.
constexpr int largest_window_log = 27;
constexpr int smallest_window_log = 10;     // zstd's own minimum
constexpr int smallest_xz_window_log = 12;  // liblzma's own minimum
constexpr int largest_xz_window_log = 26;   // 64 MiB, what the highest preset uses
constexpr int highest_level =
    19;  // of zstd; above it compression takes far more memory for nothing
constexpr int highest_xz_level = 9;
constexpr int highest_gzip_level = 9;
constexpr int highest_lz4_level = 12;

struct CompressionOptions {
    int level = 9;
    int window_log = 25;
    // Threads of one frame. From one upwards the bytes do not depend on the number; 0 would be the
    // library's other mode, with other bytes, and is taken as 1.
    unsigned workers = 1;
    CompressionMethod method = CompressionMethod::zstd;
};

// What a method is used with unless somebody says otherwise.
CompressionOptions default_compression(CompressionMethod method);

// What a level or a window may be; lowest > highest: the method has none to choose.
struct Bounds {
    int lowest = 1;
    int highest = 0;
    bool contains(int value) const { return value >= lowest && value <= highest; }
};
Bounds level_bounds(CompressionMethod method);
Bounds window_bounds(CompressionMethod method);

// Errors: invalid_input with what is possible.
Status check_compression(const CompressionOptions& options);

// "zstd 1.5.4 level 9 window 25": everything that the bytes depend on beside the content, for cache
// keys.
std::string compression_key(const CompressionOptions& options);
// Name and version of the library that does it; empty for none.
std::string compression_library(CompressionMethod method);

}  // namespace osiekit::builder
