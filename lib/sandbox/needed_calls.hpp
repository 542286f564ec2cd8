#pragma once

#include <array>

#include "lib/base/result.hpp"

namespace osiekit::sandbox {

// A system call that no sandbox can do without.
struct NeededCall {
    const char* name;
    long number;
    const char* since;  // the version of Linux that has what is used of it
};

// Newer ones than these have an older way: clone3, keyctl, cgroup.kill.
extern const std::array<NeededCall, 11> needed_calls;

// True when the kernel has no such call, or a filter around this process says so (ENOSYS). The call
// is made with arguments that a kernel which knows it refuses.
bool is_missing(long number);

// An error of the kind `unsupported` that names every needed call that is missing. Asked before
// anything is started, so that nothing is half done, and no protection left out.
Status check_calls();

}  // namespace osiekit::sandbox
