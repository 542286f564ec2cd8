#pragma once

#include <string_view>

#include "init/system/boot_log.hpp"

namespace osiekit::init {

constexpr int fatal_delay_seconds = 30;

// Prints why the machine cannot go on, waits fatal_delay_seconds so that a person can read it, and
// restarts the machine. PID 1 must not return: the kernel would panic without a reason.
[[noreturn]] void fatal(const BootLog& log, std::string_view reason) noexcept;

// From now on a crash (segmentation fault, abort, …) prints one sentence on every console and
// restarts the machine after fatal_delay_seconds instead of ending in a kernel panic.
void install_crash_handler() noexcept;

}  // namespace osiekit::init
