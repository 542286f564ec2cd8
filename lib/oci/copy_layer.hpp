#pragma once

#include <filesystem>

#include "lib/base/result.hpp"

namespace osiekit::oci {

// Owner, mode, extended attributes (but overlayfs's own) and time of one open file or directory to
// another.
Status copy_attributes(int source, int target);

// Applies an unpacked layer (overlayfs form, see layer_writer.hpp) to a directory by copying:
// whiteouts remove, opaque directories are emptied first, everything else replaces what is there.
// A directory that is there already and that the layer does not state keeps its attributes
// (implied_directories.hpp). For kernels without overlayfs. Links between files of the layer are
// kept; no link is followed.
Status copy_layer(const std::filesystem::path& layer, const std::filesystem::path& target);

}  // namespace osiekit::oci
