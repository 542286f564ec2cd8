#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "init/system/boot_log.hpp"

namespace osiekit::init {

enum class Goal { reboot, power_off, halt, kexec };

// What a signal to PID 1 asks for: SIGTERM and SIGINT (ctrl-alt-del) reboot, SIGUSR2 power off,
// SIGUSR1 halt, SIGRTMIN+6 start the kernel that was loaded for kexec (as systemd has it); others
// nothing.
std::optional<Goal> goal_of_signal(int number);
std::string_view to_string(Goal goal);

// Whether a kernel was loaded; the text is /sys/kernel/kexec_loaded's.
bool kernel_is_loaded(std::string_view kexec_loaded);

// The mount points to unmount before the end, last mounted first: those that may hold data on a
// disk or a server, so none of the kernel's own and none in memory. `mounts` is /proc/self/mounts.
std::vector<std::string> mounts_to_end(std::string_view mounts);

// The end, after the services have stopped: kills what is left, writes to disk what is in memory
// (for a limited time), unmounts, and makes the kernel restart, switch off, halt or start the
// loaded one. If it does not start, the machine restarts; if the kernel refuses that, magic SysRq
// is tried.
[[noreturn]] void end_machine(Goal goal, const BootLog& log) noexcept;

}  // namespace osiekit::init
