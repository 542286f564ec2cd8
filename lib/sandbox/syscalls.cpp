#include "lib/sandbox/syscalls.hpp"

#include <cerrno>
#include <iterator>

namespace osiekit::sandbox {
namespace {

using enum CallGroup;

// clang-format off
// A plain array: Clang gives up on deducing the length of a std::array of so many.
constexpr Call calls[] = {
    // ordinary
    Call{"accept", ordinary}, Call{"accept4", ordinary}, Call{"access", ordinary}, Call{"adjtimex", ordinary},
    Call{"alarm", ordinary}, Call{"arch_prctl", ordinary}, Call{"bind", ordinary}, Call{"brk", ordinary},
    Call{"cachestat", ordinary}, Call{"capget", ordinary}, Call{"capset", ordinary}, Call{"chdir", ordinary},
    Call{"chmod", ordinary}, Call{"chown", ordinary}, Call{"clock_adjtime", ordinary},
    Call{"clock_getres", ordinary}, Call{"clock_gettime", ordinary}, Call{"clock_nanosleep", ordinary},
    Call{"clone", ordinary}, Call{"close", ordinary}, Call{"close_range", ordinary}, Call{"connect", ordinary},
    Call{"copy_file_range", ordinary}, Call{"creat", ordinary}, Call{"dup", ordinary}, Call{"dup2", ordinary},
    Call{"dup3", ordinary}, Call{"epoll_create", ordinary}, Call{"epoll_create1", ordinary},
    Call{"epoll_ctl", ordinary}, Call{"epoll_pwait", ordinary}, Call{"epoll_pwait2", ordinary},
    Call{"epoll_wait", ordinary}, Call{"eventfd", ordinary}, Call{"eventfd2", ordinary}, Call{"execve", ordinary},
    Call{"execveat", ordinary}, Call{"exit", ordinary}, Call{"exit_group", ordinary}, Call{"faccessat", ordinary},
    Call{"faccessat2", ordinary}, Call{"fadvise64", ordinary}, Call{"fallocate", ordinary},
    Call{"fanotify_mark", ordinary}, Call{"fchdir", ordinary}, Call{"fchmod", ordinary}, Call{"fchmodat", ordinary},
    Call{"fchmodat2", ordinary}, Call{"fchown", ordinary}, Call{"fchownat", ordinary}, Call{"fcntl", ordinary},
    Call{"fdatasync", ordinary}, Call{"fgetxattr", ordinary}, Call{"flistxattr", ordinary}, Call{"flock", ordinary},
    Call{"fork", ordinary}, Call{"fremovexattr", ordinary}, Call{"fsetxattr", ordinary}, Call{"fstat", ordinary},
    Call{"fstatfs", ordinary}, Call{"fsync", ordinary}, Call{"ftruncate", ordinary}, Call{"futex", ordinary},
    Call{"futex_requeue", ordinary}, Call{"futex_wait", ordinary}, Call{"futex_waitv", ordinary},
    Call{"futex_wake", ordinary}, Call{"futimesat", ordinary}, Call{"get_mempolicy", ordinary},
    Call{"get_robust_list", ordinary}, Call{"get_thread_area", ordinary}, Call{"getcpu", ordinary},
    Call{"getcwd", ordinary}, Call{"getdents", ordinary}, Call{"getdents64", ordinary}, Call{"getegid", ordinary},
    Call{"geteuid", ordinary}, Call{"getgid", ordinary}, Call{"getgroups", ordinary}, Call{"getitimer", ordinary},
    Call{"getpeername", ordinary}, Call{"getpgid", ordinary}, Call{"getpgrp", ordinary}, Call{"getpid", ordinary},
    Call{"getppid", ordinary}, Call{"getpriority", ordinary}, Call{"getrandom", ordinary},
    Call{"getresgid", ordinary}, Call{"getresuid", ordinary}, Call{"getrlimit", ordinary},
    Call{"getrusage", ordinary}, Call{"getsid", ordinary}, Call{"getsockname", ordinary},
    Call{"getsockopt", ordinary}, Call{"gettid", ordinary}, Call{"gettimeofday", ordinary},
    Call{"getuid", ordinary}, Call{"getxattr", ordinary}, Call{"inotify_add_watch", ordinary},
    Call{"inotify_init", ordinary}, Call{"inotify_init1", ordinary}, Call{"inotify_rm_watch", ordinary},
    Call{"io_cancel", ordinary}, Call{"io_destroy", ordinary}, Call{"io_getevents", ordinary},
    Call{"io_pgetevents", ordinary}, Call{"io_setup", ordinary}, Call{"io_submit", ordinary},
    Call{"ioctl", ordinary}, Call{"ioprio_get", ordinary}, Call{"ioprio_set", ordinary}, Call{"kill", ordinary},
    Call{"landlock_add_rule", ordinary}, Call{"landlock_create_ruleset", ordinary},
    Call{"landlock_restrict_self", ordinary}, Call{"lchown", ordinary}, Call{"lgetxattr", ordinary},
    Call{"link", ordinary}, Call{"linkat", ordinary}, Call{"listen", ordinary}, Call{"listxattr", ordinary},
    Call{"llistxattr", ordinary}, Call{"lremovexattr", ordinary}, Call{"lseek", ordinary},
    Call{"lsetxattr", ordinary}, Call{"lstat", ordinary}, Call{"madvise", ordinary},
    Call{"map_shadow_stack", ordinary}, Call{"membarrier", ordinary}, Call{"memfd_create", ordinary},
    Call{"memfd_secret", ordinary}, Call{"mincore", ordinary}, Call{"mkdir", ordinary}, Call{"mkdirat", ordinary},
    Call{"mknod", ordinary}, Call{"mknodat", ordinary}, Call{"mlock", ordinary}, Call{"mlock2", ordinary},
    Call{"mlockall", ordinary}, Call{"mmap", ordinary}, Call{"modify_ldt", ordinary}, Call{"mprotect", ordinary},
    Call{"mq_getsetattr", ordinary}, Call{"mq_notify", ordinary}, Call{"mq_open", ordinary},
    Call{"mq_timedreceive", ordinary}, Call{"mq_timedsend", ordinary}, Call{"mq_unlink", ordinary},
    Call{"mremap", ordinary}, Call{"msgctl", ordinary}, Call{"msgget", ordinary}, Call{"msgrcv", ordinary},
    Call{"msgsnd", ordinary}, Call{"msync", ordinary}, Call{"munlock", ordinary}, Call{"munlockall", ordinary},
    Call{"munmap", ordinary}, Call{"name_to_handle_at", ordinary}, Call{"nanosleep", ordinary},
    Call{"newfstatat", ordinary}, Call{"open", ordinary}, Call{"openat", ordinary}, Call{"openat2", ordinary},
    Call{"pause", ordinary}, Call{"personality", ordinary}, Call{"pidfd_open", ordinary},
    Call{"pidfd_send_signal", ordinary}, Call{"pipe", ordinary}, Call{"pipe2", ordinary},
    Call{"pkey_alloc", ordinary}, Call{"pkey_free", ordinary}, Call{"pkey_mprotect", ordinary},
    Call{"poll", ordinary}, Call{"ppoll", ordinary}, Call{"prctl", ordinary}, Call{"pread64", ordinary},
    Call{"preadv", ordinary}, Call{"preadv2", ordinary}, Call{"prlimit64", ordinary},
    Call{"process_madvise", ordinary}, Call{"process_mrelease", ordinary}, Call{"process_vm_readv", ordinary},
    Call{"process_vm_writev", ordinary}, Call{"pselect6", ordinary}, Call{"ptrace", ordinary},
    Call{"pwrite64", ordinary}, Call{"pwritev", ordinary}, Call{"pwritev2", ordinary}, Call{"read", ordinary},
    Call{"readahead", ordinary}, Call{"readlink", ordinary}, Call{"readlinkat", ordinary}, Call{"readv", ordinary},
    Call{"recvfrom", ordinary}, Call{"recvmmsg", ordinary}, Call{"recvmsg", ordinary},
    Call{"remap_file_pages", ordinary}, Call{"removexattr", ordinary}, Call{"rename", ordinary},
    Call{"renameat", ordinary}, Call{"renameat2", ordinary}, Call{"restart_syscall", ordinary},
    Call{"rmdir", ordinary}, Call{"rseq", ordinary}, Call{"rt_sigaction", ordinary},
    Call{"rt_sigpending", ordinary}, Call{"rt_sigprocmask", ordinary}, Call{"rt_sigqueueinfo", ordinary},
    Call{"rt_sigreturn", ordinary}, Call{"rt_sigsuspend", ordinary}, Call{"rt_sigtimedwait", ordinary},
    Call{"rt_tgsigqueueinfo", ordinary}, Call{"sched_get_priority_max", ordinary},
    Call{"sched_get_priority_min", ordinary}, Call{"sched_getaffinity", ordinary}, Call{"sched_getattr", ordinary},
    Call{"sched_getparam", ordinary}, Call{"sched_getscheduler", ordinary}, Call{"sched_rr_get_interval", ordinary},
    Call{"sched_setaffinity", ordinary}, Call{"sched_setattr", ordinary}, Call{"sched_setparam", ordinary},
    Call{"sched_setscheduler", ordinary}, Call{"sched_yield", ordinary}, Call{"seccomp", ordinary},
    Call{"select", ordinary}, Call{"semctl", ordinary}, Call{"semget", ordinary}, Call{"semop", ordinary},
    Call{"semtimedop", ordinary}, Call{"sendfile", ordinary}, Call{"sendmmsg", ordinary}, Call{"sendmsg", ordinary},
    Call{"sendto", ordinary}, Call{"set_robust_list", ordinary}, Call{"set_thread_area", ordinary},
    Call{"set_tid_address", ordinary}, Call{"setfsgid", ordinary}, Call{"setfsuid", ordinary},
    Call{"setgid", ordinary}, Call{"setgroups", ordinary}, Call{"setitimer", ordinary}, Call{"setpgid", ordinary},
    Call{"setpriority", ordinary}, Call{"setregid", ordinary}, Call{"setresgid", ordinary},
    Call{"setresuid", ordinary}, Call{"setreuid", ordinary}, Call{"setrlimit", ordinary}, Call{"setsid", ordinary},
    Call{"setsockopt", ordinary}, Call{"setuid", ordinary}, Call{"setxattr", ordinary}, Call{"shmat", ordinary},
    Call{"shmctl", ordinary}, Call{"shmdt", ordinary}, Call{"shmget", ordinary}, Call{"shutdown", ordinary},
    Call{"sigaltstack", ordinary}, Call{"signalfd", ordinary}, Call{"signalfd4", ordinary},
    Call{"socket", ordinary}, Call{"socketpair", ordinary}, Call{"splice", ordinary}, Call{"stat", ordinary},
    Call{"statfs", ordinary}, Call{"statx", ordinary}, Call{"symlink", ordinary}, Call{"symlinkat", ordinary},
    Call{"sync", ordinary}, Call{"sync_file_range", ordinary}, Call{"syncfs", ordinary}, Call{"sysinfo", ordinary},
    Call{"tee", ordinary}, Call{"tgkill", ordinary}, Call{"time", ordinary}, Call{"timer_create", ordinary},
    Call{"timer_delete", ordinary}, Call{"timer_getoverrun", ordinary}, Call{"timer_gettime", ordinary},
    Call{"timer_settime", ordinary}, Call{"timerfd_create", ordinary}, Call{"timerfd_gettime", ordinary},
    Call{"timerfd_settime", ordinary}, Call{"times", ordinary}, Call{"tkill", ordinary}, Call{"truncate", ordinary},
    Call{"umask", ordinary}, Call{"uname", ordinary}, Call{"unlink", ordinary}, Call{"unlinkat", ordinary},
    Call{"utime", ordinary}, Call{"utimensat", ordinary}, Call{"utimes", ordinary}, Call{"vfork", ordinary},
    Call{"vmsplice", ordinary}, Call{"wait4", ordinary}, Call{"waitid", ordinary}, Call{"write", ordinary},
    Call{"writev", ordinary},
    // keys
    Call{"add_key", keys}, Call{"clone3", keys}, Call{"keyctl", keys}, Call{"request_key", keys},
    // mounting
    Call{"chroot", mounting}, Call{"fsconfig", mounting}, Call{"fsmount", mounting}, Call{"fsopen", mounting},
    Call{"fspick", mounting}, Call{"mount", mounting}, Call{"mount_setattr", mounting},
    Call{"move_mount", mounting}, Call{"open_tree", mounting}, Call{"pivot_root", mounting},
    Call{"quotactl", mounting}, Call{"quotactl_fd", mounting}, Call{"setdomainname", mounting},
    Call{"sethostname", mounting}, Call{"setns", mounting}, Call{"swapoff", mounting}, Call{"swapon", mounting},
    Call{"umount2", mounting}, Call{"unshare", mounting},
    // kexec
    Call{"kexec_file_load", kexec}, Call{"kexec_load", kexec}, Call{"reboot", kexec},
    // machine
    Call{"clock_settime", machine}, Call{"delete_module", machine}, Call{"fanotify_init", machine},
    Call{"finit_module", machine}, Call{"init_module", machine}, Call{"ioperm", machine}, Call{"iopl", machine},
    Call{"kcmp", machine}, Call{"mbind", machine}, Call{"migrate_pages", machine}, Call{"move_pages", machine},
    Call{"pidfd_getfd", machine}, Call{"set_mempolicy", machine}, Call{"set_mempolicy_home_node", machine},
    Call{"settimeofday", machine}, Call{"syslog", machine}, Call{"vhangup", machine},
    // never
    Call{"acct", never}, Call{"bpf", never}, Call{"lookup_dcookie", never}, Call{"open_by_handle_at", never},
    Call{"perf_event_open", never}, Call{"userfaultfd", never},
    // absent
    Call{"_sysctl", absent}, Call{"afs_syscall", absent}, Call{"create_module", absent},
    Call{"epoll_ctl_old", absent}, Call{"epoll_wait_old", absent}, Call{"get_kernel_syms", absent},
    Call{"getpmsg", absent}, Call{"io_uring_enter", absent}, Call{"io_uring_register", absent},
    Call{"io_uring_setup", absent}, Call{"nfsservctl", absent}, Call{"putpmsg", absent},
    Call{"query_module", absent}, Call{"security", absent}, Call{"sysfs", absent}, Call{"tuxcall", absent},
    Call{"uselib", absent}, Call{"ustat", absent}, Call{"vserver", absent},
    // i386
    Call{"_llseek", i386}, Call{"_newselect", i386}, Call{"chown32", i386}, Call{"clock_adjtime64", i386},
    Call{"clock_getres_time64", i386}, Call{"clock_gettime64", i386}, Call{"clock_nanosleep_time64", i386},
    Call{"clock_settime64", i386}, Call{"fadvise64_64", i386}, Call{"fchown32", i386}, Call{"fcntl64", i386},
    Call{"fstat64", i386}, Call{"fstatat64", i386}, Call{"fstatfs64", i386}, Call{"ftruncate64", i386},
    Call{"futex_time64", i386}, Call{"getegid32", i386}, Call{"geteuid32", i386}, Call{"getgid32", i386},
    Call{"getgroups32", i386}, Call{"getresgid32", i386}, Call{"getresuid32", i386}, Call{"getuid32", i386},
    Call{"io_pgetevents_time64", i386}, Call{"ipc", i386}, Call{"lchown32", i386}, Call{"lstat64", i386},
    Call{"mmap2", i386}, Call{"mq_timedreceive_time64", i386}, Call{"mq_timedsend_time64", i386},
    Call{"nice", i386}, Call{"oldfstat", i386}, Call{"oldlstat", i386}, Call{"oldolduname", i386},
    Call{"oldstat", i386}, Call{"olduname", i386}, Call{"ppoll_time64", i386}, Call{"pselect6_time64", i386},
    Call{"readdir", i386}, Call{"recvmmsg_time64", i386}, Call{"rt_sigtimedwait_time64", i386},
    Call{"sched_rr_get_interval_time64", i386}, Call{"semtimedop_time64", i386}, Call{"sendfile64", i386},
    Call{"setfsgid32", i386}, Call{"setfsuid32", i386}, Call{"setgid32", i386}, Call{"setgroups32", i386},
    Call{"setregid32", i386}, Call{"setresgid32", i386}, Call{"setresuid32", i386}, Call{"setreuid32", i386},
    Call{"setuid32", i386}, Call{"sgetmask", i386}, Call{"sigaction", i386}, Call{"signal", i386},
    Call{"sigpending", i386}, Call{"sigprocmask", i386}, Call{"sigreturn", i386}, Call{"sigsuspend", i386},
    Call{"socketcall", i386}, Call{"ssetmask", i386}, Call{"stat64", i386}, Call{"statfs64", i386},
    Call{"stime", i386}, Call{"timer_gettime64", i386}, Call{"timer_settime64", i386},
    Call{"timerfd_gettime64", i386}, Call{"timerfd_settime64", i386}, Call{"truncate64", i386},
    Call{"ugetrlimit", i386}, Call{"umount", i386}, Call{"utimensat_time64", i386}, Call{"waitpid", i386},
};
// clang-format on

}  // namespace

const Call* call_table(std::size_t& count) {
    count = std::size(calls);
    return std::data(calls);
}

int answer(Level level, CallGroup group) {
    switch (group) {
        case ordinary:
            return 0;
        case keys:
            return level == Level::restricted ? ENOSYS : 0;
        case mounting:
            return level == Level::restricted ? EPERM : 0;
        case kexec:
            return level < Level::kexec ? EPERM : 0;
        case machine:
            return level == Level::host ? 0 : EPERM;
        case never:
            return EPERM;
        case absent:
            return ENOSYS;
        case i386:
            return level == Level::host ? 0 : ENOSYS;
    }
    return ENOSYS;
}

}  // namespace osiekit::sandbox
