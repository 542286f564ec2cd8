#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "lib/base/result.hpp"

namespace osiekit::images {

enum class MountFor { reading, writing };

// Mounts the disk's file system at `point` (made if missing), gives `work` its open root directory,
// and unmounts again whatever came of it. A failing unmount is an error too: the disk may lack
// data.
Status with_mounted(const std::string& disk, const std::string& type,
                    const std::filesystem::path& point, MountFor purpose,
                    const std::function<Status(int root)>& work);

}  // namespace osiekit::images
