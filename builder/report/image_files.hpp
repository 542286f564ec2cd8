#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/output_names.hpp"
#include "builder/report/manifest_reader.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A regular file as it stands in the root once the kernel has unpacked the image.
struct ImageFile {
    std::string path;
    std::uint64_t size = 0;
    Sha256 digest;
    std::string sha1;  // hexadecimal: SPDX wants one of every file
    FileSource source;
};

// An image folder whose files are those that its manifest says.
struct KnownImage {
    Manifest manifest;
    OutputNames outputs;
    std::vector<ImageFile> files;  // by path
};

// Reads an image folder. Errors: not_found or io (no such file); invalid_input (the manifest, or an
// initramfs that the kernel would not unpack); digest (vmlinuz or initramfs are others than the
// manifest says).
Result<KnownImage> load_known_image(const std::filesystem::path& folder);

}  // namespace osiekit::builder
