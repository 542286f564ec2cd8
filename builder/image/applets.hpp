#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Alpine's busybox makes the links of its applets when it is installed, by a script, which is not
// run here. The package lists them in /etc/busybox-paths.d, one path a line.
constexpr std::string_view applet_lists = "etc/busybox-paths.d/";
constexpr std::size_t most_applets = 4096;  // busybox has some 400

// The links that the lists in a package's tree name. Errors: invalid_input (a path that is none),
// limit.
Result<std::vector<std::string>> read_applets(const Tree& package);

// Links to /bin/busybox, except where something of that path is in the image already: as with apk,
// the applet gives way to a program of its own.
Result<Tree> applet_tree(const std::vector<std::string>& applets,
                         const std::function<bool(const std::string&)>& taken);

}  // namespace osiekit::builder
