#include "builder/image/compression.hpp"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace osiekit::builder {

namespace {

struct Method {
    CompressionMethod method;
    std::string_view name;
    std::string_view option;
};
constexpr std::array<Method, 8> methods = {{{CompressionMethod::zstd, "zstd", "CONFIG_RD_ZSTD"},
                                            {CompressionMethod::xz, "xz", "CONFIG_RD_XZ"},
                                            {CompressionMethod::gzip, "gzip", "CONFIG_RD_GZIP"},
                                            {CompressionMethod::lz4, "lz4", "CONFIG_RD_LZ4"},
                                            {CompressionMethod::none, "none", ""},
                                            {CompressionMethod::bzip2, "bzip2", "CONFIG_RD_BZIP2"},
                                            {CompressionMethod::lzma, "lzma", "CONFIG_RD_LZMA"},
                                            {CompressionMethod::lzo, "lzo", "CONFIG_RD_LZO"}}};

const Method& facts(CompressionMethod method) {
    for (const Method& known : methods)
        if (known.method == method) return known;
    return methods.back();
}

Status check(CompressionMethod method, const char* what, int value, Bounds bounds) {
    if (bounds.lowest > bounds.highest || bounds.contains(value)) return {};
    return Error(ErrorKind::invalid_input, std::string(to_string(method)) + " " + what + " " +
                                               std::to_string(value) + " is not " +
                                               std::to_string(bounds.lowest) + " to " +
                                               std::to_string(bounds.highest));
}

}  // namespace

std::string_view to_string(CompressionMethod method) {
    return facts(method).name;
}

std::optional<CompressionMethod> parse_compression_method(std::string_view name) {
    for (CompressionMethod method : written_methods)
        if (to_string(method) == name) return method;
    return std::nullopt;
}

std::string_view kernel_option(CompressionMethod method) {
    return facts(method).option;
}

CompressionOptions default_compression(CompressionMethod method) {
    CompressionOptions options;
    options.method = method;
    if (method == CompressionMethod::xz) {
        options.level = 6;
        options.window_log = 23;
    }
    return options;
}

Bounds level_bounds(CompressionMethod method) {
    switch (method) {
        case CompressionMethod::zstd:
            return {1, highest_level};
        case CompressionMethod::xz:
            return {0, highest_xz_level};
        case CompressionMethod::gzip:
            return {1, highest_gzip_level};
        case CompressionMethod::lz4:
            return {1, highest_lz4_level};
        default:
            return {};
    }
}

Bounds window_bounds(CompressionMethod method) {
    if (method == CompressionMethod::zstd) return {smallest_window_log, largest_window_log};
    if (method == CompressionMethod::xz) return {smallest_xz_window_log, largest_xz_window_log};
    return {};
}

Status check_compression(const CompressionOptions& options) {
    if (!parse_compression_method(to_string(options.method)))
        return Error(ErrorKind::unsupported,
                     "nothing is compressed with " + std::string(to_string(options.method)));
    OSIEKIT_TRY(check(options.method, "level", options.level, level_bounds(options.method)));
    return check(options.method, "window", options.window_log, window_bounds(options.method));
}

std::string compression_library(CompressionMethod method) {
    switch (method) {
        case CompressionMethod::zstd:
            return std::string("zstd ") + ZSTD_versionString();
        case CompressionMethod::xz:
            return std::string("xz ") + lzma_version_string();
        case CompressionMethod::gzip:
            return std::string("gzip ") + zlibVersion();
        case CompressionMethod::lz4:
            return std::string("lz4 ") + LZ4_versionString();
        default:
            return {};
    }
}

std::string compression_key(const CompressionOptions& options) {
    if (options.method == CompressionMethod::none) return "none";
    std::string key = compression_library(options.method);
    Bounds levels = level_bounds(options.method);
    Bounds windows = window_bounds(options.method);
    if (levels.lowest <= levels.highest) key += " level " + std::to_string(options.level);
    if (windows.lowest <= windows.highest) key += " window " + std::to_string(options.window_log);
    return key;
}

}  // namespace osiekit::builder
