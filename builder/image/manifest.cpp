#include "builder/image/manifest.hpp"

#include <nlohmann/json.hpp>

namespace osiekit::builder {

namespace {

// What the kernel itself and its early data need, beside the root file system.
constexpr std::uint64_t kernel_share = 60ULL << 20U;

std::uint64_t files_in_memory(const BuiltImage& image) {
    std::uint64_t bytes = 0;
    for (const Segment& segment : image.segments) bytes += segment.memory;
    return bytes;
}

nlohmann::ordered_json compression_json(const CompressionOptions& options) {
    nlohmann::ordered_json result = {{"method", to_string(options.method)}};
    Bounds levels = level_bounds(options.method);
    Bounds windows = window_bounds(options.method);
    if (levels.lowest <= levels.highest) result["level"] = options.level;
    if (windows.lowest <= windows.highest) result["window"] = options.window_log;
    std::string library = compression_library(options.method);
    if (!library.empty()) result["library"] = library;
    return result;
}

}  // namespace

std::uint64_t least_ram(const BuiltImage& image) {
    return 2 * files_in_memory(image) + image.initramfs_size + kernel_share;
}

std::uint64_t least_ram_with_option(const BuiltImage& image) {
    return files_in_memory(image) * 10 / 9 + image.initramfs_size + kernel_share;
}

std::string manifest_text(const BuiltImage& image) {
    using nlohmann::ordered_json;
    ordered_json manifest;
    manifest["format"] = 1;
    manifest["name"] = image.name;
    manifest["architecture"] = image.architecture;
    manifest["builder"] = {{"osiekit", OSIEKIT_VERSION}};
    manifest["compression"] = compression_json(image.compression);
    manifest["kernel"] = {{"version", image.kernel.version},
                          {"package", image.kernel_package.name},
                          {"cmdline", image.cmdline},
                          {"digest", image.kernel.vmlinuz.oci()},
                          {"size", image.kernel.vmlinuz_size}};
    std::uint64_t unpacked = 0;
    manifest["segments"] = ordered_json::array();
    for (const Segment& segment : image.segments) {
        unpacked += segment.unpacked;
        manifest["segments"].push_back({{"name", segment.name},
                                        {"digest", segment.digest.oci()},
                                        {"size", segment.size},
                                        {"content_digest", segment.content_digest.oci()},
                                        {"unpacked", segment.unpacked},
                                        {"entries", segment.entries.size()}});
    }
    manifest["initramfs"] = {{"digest", image.initramfs_digest.oci()},
                             {"size", image.initramfs_size},
                             {"unpacked", unpacked}};
    manifest["total_size"] = image.kernel.vmlinuz_size + image.initramfs_size;
    manifest["least_ram"] = least_ram(image);
    manifest["least_ram_with_initramfs_options"] = least_ram_with_option(image);
    manifest["modules"] = {{"load", image.modules.load},
                           {"included", image.modules.included},
                           {"builtin", image.modules.builtin},
                           {"firmware", image.modules.firmware}};
    manifest["packages"] = ordered_json::array();
    for (const LocatedPackage& package : image.packages)
        manifest["packages"].push_back({{"name", package.name},
                                        {"version", package.version},
                                        {"architecture", package.architecture},
                                        {"digest", package.digest.oci()},
                                        {"size", package.size}});
    return manifest.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace osiekit::builder
