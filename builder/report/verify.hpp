#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/report/manifest_reader.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Something that is wrong with an image.
struct Finding {
    std::string file;                     // its name: "vmlinuz", "initramfs", "manifest.json"
    std::optional<std::uint64_t> offset;  // in the file, where it has a place
    std::string segment;                  // "modules", "3"; empty: none in particular
    std::string what;

    // "initramfs, byte 4096, segment modules: …"
    std::string to_string() const;
};

struct Verification {
    std::vector<Finding> findings;  // in the order of the image
    std::size_t segments = 0;       // that could be read
    std::size_t entries = 0;
    bool has_manifest = false;

    bool good() const { return findings.empty(); }
};

// Checks an initramfs against its manifest (null: none) and against what the kernel's unpacker
// takes (init/initramfs.c, lib/decompress_*.c): the digest and size of each segment, its compressed
// data, padding, nothing behind the last; of each archive its end, its size and digest; of each
// entry that the kernel would not pass over or lose it (no folder above it, a part of the name
// longer than a file system takes); and the sentinel as the last entry of an image of ours. Goes on
// after a damaged segment where the manifest says where the next one starts. `name`: of the file,
// for the findings.
Verification verify_initramfs(std::string_view image, const Manifest* manifest,
                              const std::string& name = "initramfs");

// An image folder, or an initramfs alone. What is wrong with its files is a finding; errors
// (not_found, io) are for what cannot be looked at.
Result<Verification> verify_image(const std::filesystem::path& path);

nlohmann::ordered_json verification_json(const Verification& verification);

}  // namespace osiekit::builder
