#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace osiekit::init {

using OnAlias = std::function<void(std::string)>;

// Hands over the module alias of every device on a bus below `sys` (normally "/sys"): quick, and
// network cards and disks are among them. What cannot be read is passed over.
void walk_buses(const std::filesystem::path& sys, const OnAlias& on_alias);

// The same for all of /sys/devices.
void walk_all_devices(const std::filesystem::path& sys, const OnAlias& on_alias);

}  // namespace osiekit::init
