#pragma once

#include <string>

#include "lib/base/result.hpp"

namespace osiekit::init {

// Loads what the kernel asked for through /proc/sys/kernel/modprobe ("fs-ext4", "net-pf-17", …),
// with everything it depends on. A name that no module has is success: the kernel asks on the
// off-chance.
Status answer_module_request(const std::string& alias_or_name);

}  // namespace osiekit::init
