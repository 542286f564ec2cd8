#pragma once

#include <string>

#include "lib/base/result.hpp"

namespace osiekit::init {

// Loads what the kernel asked for through /proc/sys/kernel/modprobe ("fs-ext4", "net-pf-17", …),
// with everything it depends on. A name that no module has is success: the kernel asks on the
// off-chance.
Status answer_module_request(const std::string& alias_or_name);

// Says it in the kernel's log. The kernel starts this program in the initial root, without /dev and
// without any output, so it makes the device for a moment.
void report_to_kernel_log(const std::string& text);

}  // namespace osiekit::init
