#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/bridge/bridge.hpp"
#include "lib/sandbox/cgroup.hpp"
#include "lib/sandbox/child.hpp"
#include "lib/sandbox/sandbox.hpp"

// Between the files that make start(): not for use from outside.
namespace osiekit::sandbox {

// The error for what the child reported: "starting the sandbox: mounting /proc: Operation not
// permitted".
Error explain(const Plan& plan, const Failure& failure, const std::vector<std::string>& candidates);

// The root and the sources of volumes have to be there; those that may be made are made.
Status check_machine(const Plan& plan);

// The paths to try for a program, as execvp: itself if it has a '/', else below each entry of PATH
// in the environment (without one: Docker's default).
std::vector<std::string> candidates_for(const std::string& program,
                                        const std::vector<std::string>& env);

// Is the root the kernel's initial file system, which has no parent mount? From
// /proc/self/mountinfo.
bool root_is_initial(std::string_view mountinfo);

struct Running::State {
    pid_t pid = -1;
    Fd pidfd;
    bool host_pid = false;
    std::optional<Cgroup> cgroup;
    std::optional<bridge::Bridge> bridge;  // of an isolated network
    // Only where a kill has to look for the action's processes by it. The open descriptor keeps the
    // number from being given to a later namespace.
    std::optional<std::uint64_t> mount_namespace;
    Fd mount_namespace_pin;
    std::optional<ExitStatus> status;
    std::vector<std::string> notes;
};

}  // namespace osiekit::sandbox
