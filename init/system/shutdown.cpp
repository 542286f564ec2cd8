#include "init/system/shutdown.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "init/system/event_loop.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr Milliseconds reap_limit = std::chrono::seconds(2);
constexpr int sync_limit_ms = 15000;
constexpr int kernel_limit_s = 10;

// File systems that hold nothing beyond this boot.
constexpr std::array<std::string_view, 20> in_memory = {
    "rootfs",   "tmpfs",      "ramfs",     "devtmpfs", "devpts",   "proc",       "sysfs",
    "cgroup2",  "cgroup",     "mqueue",    "pstore",   "efivarfs", "debugfs",    "tracefs",
    "configfs", "securityfs", "hugetlbfs", "bpf",      "autofs",   "binfmt_misc"};

// /proc/self/mounts writes blanks, tabs, line ends and backslashes as three octal digits.
std::string unescaped(std::string_view text) {
    std::string result;
    auto octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
            octal(text[i + 3])) {
            result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                        (text[i + 3] - '0'));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

// SIGCHLD is blocked all through PID 1's life, so it can be waited for.
void reap_all() {
    sigset_t child_signal;
    ::sigemptyset(&child_signal);
    ::sigaddset(&child_signal, SIGCHLD);
    Milliseconds limit = uptime() + reap_limit;
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0) return;  // none is left
        if (info.si_pid != 0) continue;
        Milliseconds left = limit - uptime();
        if (left <= Milliseconds(0)) return;
        timespec wait{left.count() / 1000, left.count() % 1000 * 1000000};
        ::sigtimedwait(&child_signal, nullptr, &wait);
    }
}

// sync(2) hangs for ever on a dead disk or server: a child does it, and gets a time limit.
void sync_with_limit(const BootLog& log) {
    pid_t pid = ::fork();
    if (pid == 0) {
        ::sync();
        ::_exit(0);
    }
    if (pid < 0) return ::sync();
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd waiting{process.get(), POLLIN, 0};
    if (process && ::poll(&waiting, 1, sync_limit_ms) == 0)
        return log.warning("writing to the disks takes too long; going on without");
    ::waitpid(pid, nullptr, process ? WNOHANG : 0);
}

void unmount_all(const BootLog& log) {
    Result<std::string> mounts = read_file("/proc/self/mounts");
    if (!mounts) return;
    for (const std::string& target : mounts_to_end(*mounts)) {
        if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) continue;
        log.warning("unmounting " + target + ": " + Error::from_errno("still in use").to_string());
        ::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
        ::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    }
}

// In a child: after "halt" the kernel ends the process that asked, and that must not be PID 1.
void ask_kernel(int command) {
    pid_t pid = ::fork();
    if (pid == 0) {
        ::reboot(command);
        ::_exit(1);
    }
    if (pid < 0) ::reboot(command);
    ::sleep(kernel_limit_s);
}

}  // namespace

std::optional<Goal> goal_of_signal(int number) {
    if (number == SIGRTMIN + 6) return Goal::kexec;  // no constant to the compiler
    switch (number) {
        case SIGTERM:
        case SIGINT:
            return Goal::reboot;
        case SIGUSR2:
            return Goal::power_off;
        case SIGUSR1:
            return Goal::halt;
        default:
            return std::nullopt;
    }
}

std::string_view to_string(Goal goal) {
    switch (goal) {
        case Goal::reboot:
            return "reboot";
        case Goal::power_off:
            return "power off";
        case Goal::halt:
            return "halt";
        case Goal::kexec:
            return "start of the loaded kernel";
    }
    return "reboot";
}

bool kernel_is_loaded(std::string_view kexec_loaded) {
    return trim(kexec_loaded) == "1";
}

std::vector<std::string> mounts_to_end(std::string_view mounts) {
    std::vector<std::string> targets;
    for (std::string_view line : split(mounts, '\n')) {
        std::vector<std::string_view> fields = split(line, ' ');
        if (fields.size() < 3 || fields[1] == "/") continue;
        if (std::find(in_memory.begin(), in_memory.end(), fields[2]) != in_memory.end()) continue;
        targets.push_back(unescaped(fields[1]));
    }
    std::reverse(targets.begin(), targets.end());
    return targets;
}

void end_machine(Goal goal, const BootLog& log) noexcept {
    try {
        ::kill(-1, SIGKILL);
        reap_all();
        sync_with_limit(log);
        unmount_all(log);
        sync_with_limit(log);
        log.info("all stopped; " + std::string(to_string(goal)) + " at " +
                 seconds_text(uptime().count()));
    } catch (...) {
        ::sync();  // out of memory; the machine still has to end
    }
    if (goal == Goal::kexec) {
        ask_kernel(RB_KEXEC);
        goal = Goal::reboot;
    }
    int command = goal == Goal::reboot      ? RB_AUTOBOOT
                  : goal == Goal::power_off ? RB_POWER_OFF
                                            : RB_HALT_SYSTEM;
    ask_kernel(command);
    int fd = ::open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && goal != Goal::halt) {
        [[maybe_unused]] ssize_t n = ::write(fd, goal == Goal::reboot ? "b" : "o", 1);
    }
    for (;;) ::pause();
}

}  // namespace osiekit::init
