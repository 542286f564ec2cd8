#pragma once

#include <cstdint>
#include <string>

#include "builder/image/build.hpp"

namespace osiekit::builder {

// The least RAM in bytes that an image boots in (measured, see docs/profile.md): while the kernel
// unpacks it, the compressed image and the files are both in memory, and the root file system may
// take half of the RAM, or with initramfs_options=size=90% nearly all of it.
std::uint64_t least_ram(const BuiltImage& image);
std::uint64_t least_ram_with_option(const BuiltImage& image);

// manifest.json: what an image is made of. The same for the same image: no time, path or address.
std::string manifest_text(const BuiltImage& image);

}  // namespace osiekit::builder
