#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::init {

// The file of a kernel setting below `root` (/proc/sys): "net.ipv4.ip_forward" is
// net/ipv4/ip_forward. Error invalid_input: empty parts or a "/", which would lead elsewhere.
Result<std::filesystem::path> sysctl_path(const std::filesystem::path& root,
                                          const std::string& name);

// Writes all of them; gives back what failed, one message each. Never makes a file.
std::vector<std::string> apply_sysctl(const std::map<std::string, std::string>& settings,
                                      const std::filesystem::path& root);

}  // namespace osiekit::init
