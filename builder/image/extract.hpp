#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/image/contents.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What becomes of an image on disk.
struct ExtractReport {
    std::size_t files = 0;
    std::size_t directories = 0;
    std::size_t symlinks = 0;
    std::vector<std::string> left_out;   // device nodes, FIFOs and sockets, unless we are root
    std::vector<std::string> no_target;  // symlinks to nothing, which only the kernel can make
};

// Unpacks an initramfs into the new folder `to` as it stands after the kernel has unpacked it.
// Nothing is written outside: the whole tree is laid out in memory first, names through the image's
// own symlinks are followed there, and symlinks are made last, in a folder beside `to` that gets
// its name at the end. A user who is not root gets no set-id bits, owners or devices, and may
// always look into the folders. Errors: invalid_input (a name with "..", a file below something
// that is no folder, `to` is there already), io; as inspect_initramfs.
Result<ExtractReport> extract_initramfs(std::string_view image, const std::filesystem::path& to);

}  // namespace osiekit::builder
