#pragma once

#include <filesystem>

#include "lib/base/result.hpp"

namespace osiekit::oci {

// Applies an unpacked layer (overlayfs form, see layer_writer.hpp) to a directory by copying:
// whiteouts remove, opaque directories are emptied first, everything else replaces what is there.
// For kernels without overlayfs. Links between files of the layer are kept; no link is followed.
Status copy_layer(const std::filesystem::path& layer, const std::filesystem::path& target);

}  // namespace osiekit::oci
