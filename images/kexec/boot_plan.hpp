#pragma once

#include <string>

#include "images/common/environment.hpp"
#include "images/kexec/grub.hpp"
#include "lib/base/fd.hpp"

namespace osiekit::images::kexec {

struct Settings {
    std::string disk;
    std::string type;       // of its file system
    std::string grub_path;  // of the configuration that says what KERNEL_PATH does not
    BootEntry wanted;       // by the variables; without a kernel: GRUB's
};

Result<Settings> read_settings(const Environment& environment);

// What to boot: by the settings, or as GRUB's configuration below `root` has it; CMD_LINE replaces
// the arguments of the latter.
Result<BootEntry> plan_boot(const Settings& settings, int root);

// Opens for reading below `root`, which no link leads out of.
Result<Fd> open_below(int root, const std::string& path);

}  // namespace osiekit::images::kexec
