#include "builder/image/manifest.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "builder/image/file_source.hpp"

namespace osiekit::builder {

namespace {

// What the kernel itself and its early data need, beside the root file system. Debian's 6.1 for
// clouds starts init with 75 MiB, the general one with 100.
constexpr std::uint64_t kernel_share = 100ULL << 20U;

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

nlohmann::ordered_json package_json(const LocatedPackage& package, const BuiltImage& image) {
    nlohmann::ordered_json result = {{"name", package.name},
                                     {"version", package.version},
                                     {"architecture", package.architecture},
                                     {"digest", package.digest.oci()},
                                     {"size", package.size},
                                     {"system", to_string(package.system)}};
    auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) result[key] = value;
    };
    add("source", package.source);
    add("source_version", package.source_version);
    add("suite", package.suite);
    // Where a file lies on the machine that builds is nobody's business, nor the same elsewhere.
    if (package.system != PackageSystem::file) add("location", package.location);
    auto licence = image.licences.find(package.digest);
    if (licence != image.licences.end() && !licence->second.empty())
        result["license"] = licence->second;
    return result;
}

// The files that the profile was read from and the variables' values, both as digests: a value may
// be a secret.
nlohmann::ordered_json profile_json(const BuiltImage& image) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const ProfileSource& source : image.profile)
        files.push_back({{"name", relative_name(source.path, image.profile_directory)},
                         {"digest", source.digest.oci()}});
    nlohmann::ordered_json variables = nlohmann::ordered_json::object();
    for (const auto& [name, digest] : image.variables) variables[name] = digest.oci();
    return {{"files", std::move(files)}, {"variables", std::move(variables)}};
}

// What a lock can be held against.
nlohmann::ordered_json inputs_json(const BuiltImage& image) {
    auto digests = [](const std::vector<LockedDigest>& list) {
        std::map<std::string, std::string> sorted;
        for (const LockedDigest& item : list) sorted[item.name] = item.digest.oci();
        return sorted;
    };
    return {{"keys", digests(image.inputs.keys)},
            {"files", digests(image.inputs.files)},
            {"programs", digests(image.inputs.programs)},
            {"copies", image.copies}};
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
                          {"system", to_string(image.kernel_package.system)},
                          {"cmdline", image.cmdline},
                          {"digest", image.kernel.vmlinuz.oci()},
                          {"size", image.kernel.vmlinuz_size}};
    std::uint64_t unpacked = 0;
    manifest["segments"] = ordered_json::array();
    for (const Segment& segment : image.segments) {
        unpacked += segment.unpacked;
        SegmentSources sources = sources_of(segment, image.profile_directory);
        ordered_json others = ordered_json::object();
        for (const auto& [source, paths] : sources.others) others[source.to_string()] = paths;
        manifest["segments"].push_back({{"name", segment.name},
                                        {"digest", segment.digest.oci()},
                                        {"size", segment.size},
                                        {"content_digest", segment.content_digest.oci()},
                                        {"unpacked", segment.unpacked},
                                        {"entries", segment.entries.size()},
                                        {"source", sources.most.to_string()},
                                        {"other_sources", std::move(others)}});
    }
    manifest["initramfs"] = {{"digest", image.initramfs_digest.oci()},
                             {"size", image.initramfs_size},
                             {"unpacked", unpacked}};
    manifest["total_size"] = image.kernel.vmlinuz_size + image.initramfs_size;
    manifest["least_ram"] = least_ram(image);
    manifest["least_ram_with_initramfs_options"] = least_ram_with_option(image);
    std::set<std::string> firmware;
    for (const auto& [module, names] : image.modules.firmware)
        firmware.insert(names.begin(), names.end());
    manifest["modules"] = {{"load", image.modules.load},
                           {"included", image.modules.included},
                           {"builtin", image.modules.builtin},
                           {"firmware", firmware},
                           {"missing_firmware", image.modules.missing_firmware}};
    manifest["packages"] = ordered_json::array();
    for (const LocatedPackage& package : image.packages)
        manifest["packages"].push_back(package_json(package, image));
    manifest["profile"] = profile_json(image);
    OutputSpec usual;
    if (image.outputs.kernel != usual.kernel || image.outputs.initramfs != usual.initramfs)
        manifest["outputs"] = {{"kernel", image.outputs.kernel},
                               {"initramfs", image.outputs.initramfs}};
    manifest["inputs"] = inputs_json(image);
    manifest["mtime"] = image.mtime;
    return manifest.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace osiekit::builder
