#pragma once

#include "images/writefile/settings.hpp"

namespace osiekit::images::writefile {

// Writes the file below `root`, an open directory: all or nothing, flushed to the disk. Symbolic
// links in the path are followed as the installed system would see them, never out of `root`.
// Missing parent directories are made with the given mode and owner.
Status place_file(int root, const FileSpec& file);

}  // namespace osiekit::images::writefile
