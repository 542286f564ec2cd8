#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "builder/image/build.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Writes kernel, initramfs (the segments one after another), the script for iPXE if the profile
// wants one, and manifest.json into `out`. All are written beside their names first and renamed at
// the end, so that nobody sees a part; documents of an earlier image are removed before. Fills in
// initramfs_digest and initramfs_size. `vmlinuz` is the kernel in the cache.
Status write_image(BuiltImage& image, const std::filesystem::path& vmlinuz,
                   const std::filesystem::path& out, const std::function<bool()>& cancelled);

}  // namespace osiekit::builder
