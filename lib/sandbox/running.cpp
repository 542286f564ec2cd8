#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lib/sandbox/processes.hpp"
#include "lib/sandbox/start_internal.hpp"

namespace osiekit::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

// A process stuck in the kernel does not die; the agent goes on without it.
constexpr std::chrono::milliseconds longest_wait_for_death{5000};

// True when the process has ended, false when the time is over.
Result<bool> wait_for_end(int pidfd, std::optional<std::chrono::milliseconds> timeout) {
    auto deadline = Clock::now() + timeout.value_or(std::chrono::milliseconds(0));
    for (;;) {
        int left = -1;
        if (timeout)
            left = static_cast<int>(std::max<std::int64_t>(
                0, std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count()));
        pollfd ended{pidfd, POLLIN, 0};
        int ready = ::poll(&ended, 1, left);
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) return Error::from_errno("cannot wait for the action");
    }
}

}  // namespace

Running::Running(std::unique_ptr<State> state) : state_(std::move(state)) {}
Running::Running(Running&&) noexcept = default;
Running& Running::operator=(Running&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

Running::~Running() {
    if (!state_) return;
    if (state_->pid > 0) {
        static_cast<void>(kill_all().ok());
        static_cast<void>(wait(longest_wait_for_death).ok());
    }
    if (state_->cgroup) static_cast<void>(state_->cgroup->remove().ok());
    // What cannot be removed now, the next one's start removes.
    if (state_->bridge) static_cast<void>(state_->bridge->remove().ok());
}

pid_t Running::pid() const {
    return state_->pid;
}
int Running::fd() const {
    return state_->pidfd.get();
}
const std::vector<std::string>& Running::notes() const {
    return state_->notes;
}

Result<ExitStatus> Running::wait(std::optional<std::chrono::milliseconds> timeout) {
    State& state = *state_;
    if (state.status) return *state.status;
    OSIEKIT_ASSIGN(bool ended, wait_for_end(state.pidfd.get(), timeout));
    if (!ended)
        return Error(ErrorKind::limit,
                     "the action has not ended within " + std::to_string(timeout->count()) + " ms");
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(state.pidfd.get()), &info, WEXITED) < 0)
        if (errno != EINTR) return Error::from_errno("cannot learn how the action ended");
    ExitStatus status;
    if (info.si_code == CLD_EXITED) {
        status.code = info.si_status;
    } else {
        status.signal = info.si_status;
        status.code = 128 + info.si_status;
    }
    // Without a handler the first process of a namespace cannot be killed by these signals.
    status.asked_for_reboot =
        !state.host_pid && (status.signal == SIGHUP || status.signal == SIGINT);
    status.out_of_memory = state.cgroup && state.cgroup->out_of_memory();
    state.status = status;
    return status;
}

void Running::detach() && {
    if (state_->bridge) state_->bridge->give_up();
    state_.reset();
}

Status Running::kill_all() {
    State& state = *state_;
    bool by_cgroup = state.cgroup && state.cgroup->kill().ok();
    // With a PID namespace of its own, everything in it dies with its first process.
    if (!state.status) ::syscall(SYS_pidfd_send_signal, state.pidfd.get(), SIGKILL, nullptr, 0);
    if (by_cgroup || !state.host_pid) return {};
    if (state.mount_namespace && !kill_processes_in(*state.mount_namespace))
        return Error(ErrorKind::io, "some processes of the action do not die");
    return {};
}

}  // namespace osiekit::sandbox
