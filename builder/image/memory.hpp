#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "builder/image/build.hpp"

namespace osiekit::builder {

// Lets the root file system take nearly all of the RAM instead of half of it. Kernels have it from
// 6.18 on, and the stable ones since October 2025 (commit 278033a225e1).
constexpr std::string_view root_size_option = "initramfs_options=";
constexpr std::string_view root_size_argument = "initramfs_options=size=90%";

// The kernel arguments of an image: those of the profile, and root_size_argument if the kernel
// reads it and the profile says nothing of the kind.
std::string image_cmdline(const std::string& cmdline, bool kernel_reads_option);

// The least RAM in bytes that an image boots in with its own arguments.
std::uint64_t needed_ram(const BuiltImage& image);

}  // namespace osiekit::builder
