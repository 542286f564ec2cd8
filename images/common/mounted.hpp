#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "lib/base/result.hpp"

namespace osiekit::images::writefile {

// Mounts the disk's file system at `point` (made if missing), gives `work` its open root directory,
// and unmounts again whatever came of it. A failing unmount is an error too: the disk may lack
// data.
Status with_mounted(const std::string& disk, const std::string& type,
                    const std::filesystem::path& point,
                    const std::function<Status(int root)>& work);

}  // namespace osiekit::images::writefile
