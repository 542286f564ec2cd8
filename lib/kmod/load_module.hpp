#pragma once

#include <filesystem>
#include <string>

#include "lib/base/result.hpp"

namespace osiekit::kmod {

// Hands a module file to the kernel (finit_module(2)) with parameters such as "napi_tx=1 debug=0".
// A compressed file (.ko.zst, .ko.xz, .ko.gz) is decompressed by the kernel, 5.17 and later with
// CONFIG_MODULE_DECOMPRESS; without it the error, kind unsupported, says so. A module that is
// loaded already is success.
Status load_module(const std::filesystem::path& path, const std::string& parameters);

// True for a file name of a compressed module.
bool is_compressed_module(const std::filesystem::path& path);

}  // namespace osiekit::kmod
