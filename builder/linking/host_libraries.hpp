#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A library, or a loader, of the machine that builds, for a program that is taken from it.
struct HostLibrary {
    std::string path;            // in the image, without a leading "/"
    std::filesystem::path file;  // symlinks followed
    std::string where;           // of the file in the profile that asks for it
    FileContent content;
};

// What the files of the profile with "libraries: host" need, in order of path: all that this
// machine's loader would take, whatever the image has already. Errors (invalid_input, io), with the
// place in the profile: the file is no ELF program of the profile's architecture; libraries that
// this machine lacks, all of them.
Result<std::vector<HostLibrary>> host_libraries(const Profile& profile);

// Those of them that the image does not have, below its own folders where it has them under other
// names (a symlink /lib).
Result<Tree> host_library_tree(const std::vector<HostLibrary>& libraries, const Tree& image);

}  // namespace osiekit::builder
