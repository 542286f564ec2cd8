#include "lib/sandbox/needed_calls.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace osiekit::sandbox {

const std::array<NeededCall, 11> needed_calls = {{
    {"close_range", SYS_close_range, "5.11"},
    {"fsconfig", SYS_fsconfig, "5.2"},
    {"fsmount", SYS_fsmount, "5.2"},
    {"fsopen", SYS_fsopen, "5.2"},
    {"mount_setattr", SYS_mount_setattr, "5.12"},
    {"move_mount", SYS_move_mount, "5.2"},
    {"open_tree", SYS_open_tree, "5.2"},
    {"openat2", SYS_openat2, "5.6"},
    {"pidfd_open", SYS_pidfd_open, "5.3"},
    {"pidfd_send_signal", SYS_pidfd_send_signal, "5.1"},
    {"seccomp", SYS_seccomp, "3.17"},
}};

bool is_missing(long number) {
    return ::syscall(number, -1, nullptr, -1, 0, 0) < 0 && errno == ENOSYS;
}

Status check_calls() {
    std::string missing;
    for (const NeededCall& call : needed_calls)
        if (is_missing(call.number))
            missing += std::string(missing.empty() ? "" : ", ") + call.name + " (Linux " +
                       call.since + ")";
    if (missing.empty()) return {};
    return Error(ErrorKind::unsupported, "the kernel lacks " + missing)
        .hint("use a newer kernel, or allow them where a container runtime forbids them");
}

}  // namespace osiekit::sandbox
