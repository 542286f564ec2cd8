#pragma once

#include <string>
#include <vector>

#include "init/system/boot_log.hpp"
#include "lib/base/result.hpp"

namespace osiekit::init {

// One file system that the environment needs.
struct Mount {
    const char* source;
    const char* target;
    const char* type;
    unsigned long flags;
    const char* options;
    bool required;  // without it nothing works: its failure is fatal
};

// In the order in which they are mounted; /dev first, since messages need it.
const std::vector<Mount>& mount_table();

// The calls that mounting makes, so that a test can stand in for the kernel.
class MountCalls {
  public:
    virtual ~MountCalls() = default;
    virtual Status make_folder(const std::string& path) = 0;
    virtual Status mount(const Mount& mount) = 0;
};
class KernelMountCalls final : public MountCalls {
  public:
    Status make_folder(const std::string& path) override;
    // A file system that is mounted already is success.
    Status mount(const Mount& mount) override;
};

// Mounts each row; a failure of an optional row is a warning, of a required one an error.
Status mount_all(const std::vector<Mount>& table, MountCalls& calls, const BootLog& log);

// Opens /dev/console as standard input, output and error; needs /dev. The kernel could not do so if
// the image has no /dev/console of its own.
Status open_console();

// Gives "/" a parent mount, so that pivot_root works for everybody afterwards: an initramfs is the
// initial mount, which has none. Binds "/" to an empty folder and moves that mount on top of "/".
// Must come before all other mounts. Nothing is copied.
Status give_root_a_parent();

// Hands all controllers of the control group root down to its children.
Status enable_cgroup_controllers(const std::string& root);

// Whether the machine was started by UEFI firmware.
bool booted_by_efi();
Status mount_efi_variables();

}  // namespace osiekit::init
