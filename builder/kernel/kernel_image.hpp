#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// An unpacked kernel of a distribution has 50 to 80 MB.
constexpr std::uint64_t largest_kernel = 512ULL << 20U;

// The compressed kernel inside a bzImage of x86 (Documentation/arch/x86/boot.rst: payload_offset,
// payload_length, protocol 2.08 and later). Foreign bytes: every offset is checked. Errors:
// invalid_input (no bzImage, or its payload lies outside of it).
Result<std::string_view> bzimage_payload(std::string_view vmlinuz);

// Whether the kernel itself reads this argument, "initramfs_options=": its name with a NUL behind
// it stands in the kernel's table of arguments. A bzImage is unpacked for that, a gzip file too;
// what is damaged, or is compressed in a way that is not known here, says no.
bool kernel_reads_argument(std::string_view vmlinuz, std::string_view argument);

}  // namespace osiekit::builder
