#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace osiekit::sandbox {

// The identity of a process's mount namespace; nullopt if it is gone. Every program of a sandbox is
// in the same one, whatever became of its parents: that finds those which a kill must reach when
// they share the machine's PID namespace and there is no cgroup.
std::optional<std::uint64_t> mount_namespace(pid_t pid);

// All processes in that mount namespace.
std::vector<pid_t> processes_in(std::uint64_t mount_namespace);

// SIGKILL to them until none is left or, at most, a hundred rounds. True when none is left.
bool kill_processes_in(std::uint64_t mount_namespace);

}  // namespace osiekit::sandbox
