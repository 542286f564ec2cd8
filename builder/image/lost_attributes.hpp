#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/packages/package.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// An initramfs is a cpio archive of the format newc, which has no place for extended attributes,
// and so none for the capabilities of programs (capabilities(7), "File capabilities"). Whatever
// loses some is said, whichever source it comes from.

// The warning about one attribute of one file. `path` is in the source, or in the image.
std::string lost_attribute(std::string_view origin, std::string_view path,
                           std::string_view attribute);

// Names of a local file's attributes; a symlink's own. None where the file system has none, and not
// the label that SELinux gives every file of its host.
std::vector<std::string> attributes_of_file(const std::filesystem::path& file);

// Debian's packages mostly give their programs capabilities in a script. A warning for each file of
// the package that such a script names, or one for all if it names none. Errors: as
// read_deb_script.
Result<std::vector<std::string>> lost_to_script(const LocatedPackage& package, const Tree& tree);

}  // namespace osiekit::builder
