#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "agent/commands/doctor.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/needed_calls.hpp"

namespace osiekit::agent {
namespace {

constexpr std::uint64_t little_memory = 256ULL << 20U;
constexpr std::uint64_t little_space = 512ULL << 20U;
// No machine is installed before this program was written; a dead battery shows 1970 or 2000.
constexpr std::time_t earliest_year = 2024;

// Runs a trial in a process of its own and gives its errno; 0: it worked.
int in_child(const std::function<int()>& trial) {
    pid_t pid = ::fork();
    if (pid < 0) return errno;
    if (pid == 0) ::_exit(trial());
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

Finding root(const Settings&) {
    if (::geteuid() == 0) return Finding::ok("running as root");
    return Finding::bad("running as user " + std::to_string(::geteuid()),
                        "actions need root: use sudo");
}

Finding kernel(const Settings&) {
    utsname name{};
    ::uname(&name);
    unsigned major = 0;
    unsigned minor = 0;
    std::string text = std::string("Linux ") + name.release + " on " + name.machine;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own text.
    bool known = std::sscanf(name.release, "%u.%u", &major, &minor) == 2;
    if (known && (major > 5 || (major == 5 && minor >= 14))) return Finding::ok(text);
    return Finding::bad(text, "actions need Linux 5.14 or later");
}

Finding system_calls(const Settings&) {
    if (auto there = sandbox::check_calls(); !there)
        return Finding::bad(there.error().message(), there.error().hint());
    if (sandbox::is_missing(SYS_clone3))
        return Finding::ok(
            "openat2, pidfds and the mount calls are there; clone takes the place of clone3");
    return Finding::ok("clone3, openat2, pidfds and the mount calls are there");
}

Finding namespaces(const Settings&) {
    const std::array<std::pair<const char*, int>, 5> kinds = {{{"mount", CLONE_NEWNS},
                                                               {"pid", CLONE_NEWPID},
                                                               {"ipc", CLONE_NEWIPC},
                                                               {"uts", CLONE_NEWUTS},
                                                               {"cgroup", CLONE_NEWCGROUP}}};
    std::string missing;
    for (const auto& [name, flag] : kinds) {
        int failure = in_child([flag = flag] { return ::unshare(flag) == 0 ? 0 : errno; });
        if (failure == 0) continue;
        missing +=
            std::string(missing.empty() ? "" : ", ") + name + " (" + std::strerror(failure) + ")";
    }
    int network = in_child([] { return ::unshare(CLONE_NEWNET) == 0 ? 0 : errno; });
    if (!missing.empty())
        return Finding::bad("cannot make namespaces: " + missing,
                            "run as root; the kernel needs CONFIG_NAMESPACES");
    if (network != 0)
        return Finding::warn(
            std::string("no network namespaces: ") + std::strerror(network),
            "actions cannot be kept from the network; the kernel needs CONFIG_NET_NS");
    return Finding::ok("mount, pid, ipc, uts, cgroup, network");
}

Finding cgroups(const Settings&) {
    auto controllers = read_file("/sys/fs/cgroup/cgroup.controllers");
    if (!controllers)
        return Finding::warn("no cgroup version 2 at /sys/fs/cgroup",
                             "limits are not enforced; mount -t cgroup2 none /sys/fs/cgroup");
    auto words = split_words(*controllers);
    std::string missing;
    for (std::string_view wanted : {"memory", "pids", "cpu", "io"})
        if (std::find(words.begin(), words.end(), wanted) == words.end())
            missing += std::string(missing.empty() ? "" : ", ") + std::string(wanted);
    if (::access("/sys/fs/cgroup", W_OK) != 0)
        return Finding::warn("cgroup version 2 is read-only here",
                             "limits are not enforced; remount it rw");
    if (!missing.empty())
        return Finding::warn(
            "cgroup version 2 without the controllers " + missing,
            "their limits are not enforced; build the kernel with them, or stop version 1 from "
            "holding them");
    return Finding::ok("cgroup version 2 with memory, pids, cpu, io");
}

int try_overlay(const std::filesystem::path& directory) {
    if (::unshare(CLONE_NEWNS) != 0) return errno;
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    std::string options = "lowerdir=" + (directory / "lower").string() +
                          ",upperdir=" + (directory / "upper").string() +
                          ",workdir=" + (directory / "work").string();
    return ::mount("overlay", (directory / "root").c_str(), "overlay", 0, options.c_str()) == 0
               ? 0
               : errno;
}

Finding overlay(const Settings& settings) {
    std::error_code failure;
    std::filesystem::create_directories(settings.store, failure);
    auto directory = TempDir::create("doctor", settings.store);
    if (!directory)
        return Finding::bad(directory.error().to_string(), "give a --store that can be written to");
    for (const char* name : {"lower", "upper", "work", "root"})
        std::filesystem::create_directory(*directory / name, failure);
    int error = in_child([&] { return try_overlay(directory->path()); });
    if (error == 0) return Finding::ok("layers can be stacked at " + settings.store.string());
    return Finding::warn(
        "no overlay at " + settings.store.string() + ": " + std::strerror(error),
        "layers are copied for each action, which needs time and memory; load the module "
        "overlay, or put the store on ext4, xfs or tmpfs");
}

Finding seccomp(const Settings&) {
    auto actions = read_file("/proc/sys/kernel/seccomp/actions_avail");
    if (actions && actions->find("errno") != std::string::npos)
        return Finding::ok("filters are available");
    return Finding::bad("the kernel has no seccomp filters", "build it with CONFIG_SECCOMP_FILTER");
}

Finding store(const Settings& settings) {
    struct statvfs status {};
    if (::statvfs(settings.store.c_str(), &status) != 0)
        return Finding::bad(settings.store.string() + ": " + std::strerror(errno),
                            "give a --store that can be written to");
    std::uint64_t left = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    std::string text = human_size(left) + " free at " + settings.store.string();
    if (left < little_space) return Finding::warn(text, "large images will not fit");
    return Finding::ok(text);
}

Finding memory(const Settings&) {
    auto text = read_file("/proc/meminfo");
    std::uint64_t available = 0;
    if (text)
        for (std::string_view line : split(*text, '\n')) {
            auto words = split_words(line);
            if (words.size() > 1 && words[0] == "MemAvailable:")
                available = parse_u64(words[1]).value_or(0) * 1024;
        }
    std::string seen = human_size(available) + " of memory are free";
    if (available < little_memory)
        return Finding::warn(seen, "images are unpacked to memory; add some");
    return Finding::ok(seen);
}

Finding clock(const Settings&) {
    std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc);
    if (utc.tm_year + 1900 >= earliest_year) return Finding::ok(text.data());
    return Finding::bad(
        std::string(text.data()) + " is in the past",
        "certificates will not be believed; set the clock, or give the image an NTP server");
}

Finding journal(const Settings& settings) {
    std::error_code failure;
    std::filesystem::create_directories(settings.journal, failure);
    if (!failure && ::access(settings.journal.c_str(), W_OK) == 0)
        return Finding::ok(settings.journal.string() + " can be written to");
    return Finding::bad(
        settings.journal.string() + " cannot be written to",
        "a killed agent would not know what it has done; give a --journal in memory");
}

}  // namespace

std::vector<Check> machine_checks() {
    return {{"root", root},
            {"kernel", kernel},
            {"system-calls", system_calls},
            {"namespaces", namespaces},
            {"seccomp", seccomp},
            {"cgroups", cgroups},
            {"overlay", overlay},
            {"store", store},
            {"journal", journal},
            {"memory", memory},
            {"clock", clock}};
}

}  // namespace osiekit::agent
