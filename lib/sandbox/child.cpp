#include "lib/sandbox/child.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace osiekit::sandbox {
namespace {

constexpr unsigned capability_bits = 64;
constexpr std::size_t longest_path = 4096;
// As the kernel: BINPRM_BUF_SIZE, and how many scripts may interpret each other.
constexpr std::size_t longest_interpreter = 256;
constexpr int most_interpreters = 6;

void wait_for_parent(const ChildPlan& plan) {
    ::close(plan.go_write_fd);
    ::close(plan.error_read_fd);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The agent's memory holds secrets and this process is a copy of it (CVE-2016-9962). A parent
    // who is not root writes the maps of a process that is its own; then comes become_inner_root().
    if (plan.set_groups) ::prctl(PR_SET_DUMPABLE, 0);
    char go = 0;
    ssize_t n = 0;
    do {
        n = ::read(plan.go_fd, &go, 1);
    } while (n < 0 && errno == EINTR);
    if (n != 1) give_up(plan, Step::parent_gone, 0, ECHILD);
}

// The clone is nobody in its user namespace before this; it has the capabilities already.
void become_inner_root(const ChildPlan& plan) {
    if (::syscall(SYS_setresgid, 0, 0, 0) != 0 || ::syscall(SYS_setresuid, 0, 0, 0) != 0)
        give_up(plan, Step::inner_root, 0, errno);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // the change of user has cleared it
    ::prctl(PR_SET_DUMPABLE, 0);         // see wait_for_parent()
}

void start_session(const ChildPlan& plan) {
    if (::setsid() < 0) give_up(plan, Step::session, 0, errno);
    // A new keyring, so that the agent's keys are out of reach; kernels without keyrings need none.
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    // Only now: the namespace's root is the cgroup that the process is in.
    if (::syscall(SYS_unshare, CLONE_NEWCGROUP) != 0 && errno != EINVAL)
        give_up(plan, Step::cgroup_namespace, 0, errno);
}

void set_streams(const ChildPlan& plan, int null_fd) {
    if (::dup2(null_fd, 0) < 0 || ::dup2(plan.out_fd, 1) < 0 || ::dup2(plan.err_fd, 2) < 0)
        give_up(plan, Step::standard_streams, 0, errno);
    ::fcntl(0, F_SETFD, 0);  // dup2 of a descriptor onto itself keeps close-on-exec
    // CVE-2024-21626: nothing that the agent has open may survive.
    if (::syscall(SYS_close_range, 3U, ~0U, 1U << 2U /* CLOSE_RANGE_CLOEXEC */) != 0)
        give_up(plan, Step::close_on_exec, 0, errno);
}

void change_directory(const ChildPlan& plan) {
    // Not by a plain path: the agent's descriptors are still open here, so one through
    // /proc/self/fd would lead outside, and missing directories would be made there.
    int directory = open_working_directory(plan.cwd);
    if (directory < 0 || ::fchdir(directory) != 0) give_up(plan, Step::working_directory, 0, errno);
    ::close(directory);
    // The kernel writes "(unreachable)" before what lies outside the root (CVE-2024-21626).
    char path[longest_path];
    if (::syscall(SYS_getcwd, path, sizeof path) < 0 || path[0] != '/')
        give_up(plan, Step::working_directory, 0, EPERM);
}

void set_limits(const ChildPlan& plan) {
    rlimit files{soft_files, hard_files};
    rlimit core{0, 0};
    rlimit before{};
    bool done = ::syscall(SYS_prlimit64, 0, RLIMIT_CORE, &core, nullptr) == 0 &&
                ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &files, &before) == 0;
    if (!done && errno == EPERM) {  // fs.nr_open is lower than usual
        ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &before);
        files.rlim_max = before.rlim_max;
        done = ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &files, nullptr) == 0;
    }
    if (!done) give_up(plan, Step::resource_limits, 0, errno);
}

void install_filters(const ChildPlan& plan) {
    std::size_t index = 0;
    for (const sock_fprog& filter : plan.filters) {
        long done = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                              &filter);
        if (done != 0 && errno == EINVAL)
            done = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
        if (done != 0) give_up(plan, Step::system_call_filter, index, errno);
        ++index;
    }
}

// By raw calls: glibc's setresuid() and its kind also change the other threads, which do not exist
// here.
void change_user(const ChildPlan& plan) {
    for (unsigned number = 0; number < capability_bits; ++number) {
        if ((plan.capabilities >> number & 1U) != 0) continue;
        if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
            if (errno == EINVAL) break;  // beyond this kernel's last capability
            give_up(plan, Step::bounding_set, number, errno);
        }
    }
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (plan.set_groups && ::syscall(SYS_setgroups, plan.group_count, plan.groups) != 0)
        give_up(plan, Step::groups, 0, errno);
    if (::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) != 0 ||
        ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) != 0)
        give_up(plan, Step::user, 0, errno);
    // At most what the agent itself has; of another user, nothing. Inheritable stays empty
    // (CVE-2022-29162).
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (::syscall(SYS_capget, &header, data) != 0) give_up(plan, Step::capabilities, 0, errno);
    for (unsigned half = 0; half < 2; ++half) {
        data[half].permitted &= static_cast<std::uint32_t>(plan.capabilities >> (32 * half));
        data[half].effective = data[half].permitted;
        data[half].inheritable = 0;
    }
    if (::syscall(SYS_capset, &header, data) != 0) give_up(plan, Step::capabilities, 0, errno);
}

void tie_to_parent(const ChildPlan& plan) {
    // The change of user cleared it; the parent may have died in between, which closes the pipe.
    // Without the tie the half-made sandbox still dies with the parent, the running program not.
    int signal = plan.die_with_parent ? SIGKILL : 0;
    if (::prctl(PR_SET_PDEATHSIG, signal) != 0) give_up(plan, Step::parent_death_signal, 0, errno);
    pollfd go{plan.go_fd, POLLIN, 0};
    if (::poll(&go, 1, 0) != 0) give_up(plan, Step::parent_gone, 0, ECHILD);
}

void reset_signals() {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; ++number) ::sigaction(number, &standard, nullptr);
    std::uint64_t none = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

// Opens a file that is to be executed. /proc/self/exe is the agent's program until execve is done
// (CVE-2019-5736).
int open_program(const char* path) {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

// The interpreter in a script's first line, as the kernel finds it. False if it is no script.
bool interpreter_of(int program, char* line, std::size_t size) {
    ssize_t n = ::pread(program, line, size - 1, 0);
    if (n < 3 || line[0] != '#' || line[1] != '!') return false;
    line[n] = '\0';
    std::size_t begin = 2 + std::strspn(line + 2, " \t");
    std::size_t length = std::strcspn(line + begin, " \t\n");
    std::memmove(line, line + begin, length);
    line[length] = '\0';
    return length > 0;
}

// True if the program, or the interpreter of a script, or that one's, is behind a magic link.
bool leads_to_the_agent(const char* path) {
    char line[longest_interpreter];
    for (int depth = 0; depth < most_interpreters; ++depth) {
        int program = open_program(path);
        if (program < 0) return errno == ELOOP || errno == ENOSYS;  // not seen: not run
        bool script = interpreter_of(program, line, sizeof line);
        ::close(program);
        if (!script) return false;
        path = line;
    }
    return false;  // the kernel follows fewer
}

// Before the user changes, who may not be able to read what the kernel would execute.
void check_programs(const ChildPlan& plan) {
    for (std::size_t index = 0; plan.candidates[index] != nullptr; ++index)
        if (leads_to_the_agent(plan.candidates[index]))
            give_up(plan, Step::executable, index, ELOOP);
}

[[noreturn]] void execute(const ChildPlan& plan) {
    int worst = ENOENT;
    std::size_t index = 0;
    for (const char* const* candidate = plan.candidates; *candidate != nullptr; ++candidate) {
        bool exists = ::access(*candidate, F_OK) == 0;
        ::execve(*candidate, plan.argv, plan.env);
        if (errno != ENOENT && errno != ENOTDIR) {
            worst = errno;
            if (errno != EACCES) give_up(plan, Step::execute, index, worst);
        }
        if (exists && errno == ENOENT) give_up(plan, Step::execute, index, ENOENT);
        ++index;
    }
    give_up(plan, Step::executable, 0, worst);
}

}  // namespace

void give_up(const ChildPlan& plan, Step step, std::size_t index, int error) {
    Failure failure{step, static_cast<std::uint32_t>(index), error};
    // Smaller than PIPE_BUF: written whole or not at all. Nothing is left to do about a failure.
    [[maybe_unused]] ssize_t written = ::write(plan.error_fd, &failure, sizeof failure);
    ::_exit(1);
}

void run_child(const ChildPlan& plan) {
    wait_for_parent(plan);
    if (plan.own_users) become_inner_root(plan);
    start_session(plan);
    if (plan.own_network) set_up_network(plan);
    ::umask(0);
    int null_fd = set_up_mounts(plan);
    ::umask(022);
    if (plan.hostname != nullptr &&
        ::syscall(SYS_sethostname, plan.hostname, plan.hostname_length) != 0)
        give_up(plan, Step::hostname, 0, errno);
    set_streams(plan, null_fd);
    change_directory(plan);
    check_programs(plan);
    set_limits(plan);
    // Loading a filter takes CAP_SYS_ADMIN or no_new_privs: before the user changes, or at the very
    // end.
    if (!plan.no_new_privileges) install_filters(plan);
    change_user(plan);
    tie_to_parent(plan);
    reset_signals();
    if (plan.no_new_privileges) {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            give_up(plan, Step::no_new_privileges, 0, errno);
        install_filters(plan);
    }
    execute(plan);
}

}  // namespace osiekit::sandbox
