#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace osiekit::init {

// Hands over the module alias of every device below `sys` (normally "/sys"): first those on a bus,
// network and storage being there, then a walk through all of /sys/devices for the rest. An alias
// may come more than once. What cannot be read is passed over.
void walk_devices(const std::filesystem::path& sys,
                  const std::function<void(std::string)>& on_alias);

}  // namespace osiekit::init
