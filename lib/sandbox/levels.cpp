#include "lib/sandbox/levels.hpp"

#include <linux/capability.h>
#include <sys/mount.h>

#include <array>

#include "lib/base/text.hpp"

namespace osiekit::sandbox {
namespace {

constexpr std::uint64_t bit(unsigned capability) {
    return std::uint64_t{1} << capability;
}

constexpr std::array capability_names = {"CHOWN",
                                         "DAC_OVERRIDE",
                                         "DAC_READ_SEARCH",
                                         "FOWNER",
                                         "FSETID",
                                         "KILL",
                                         "SETGID",
                                         "SETUID",
                                         "SETPCAP",
                                         "LINUX_IMMUTABLE",
                                         "NET_BIND_SERVICE",
                                         "NET_BROADCAST",
                                         "NET_ADMIN",
                                         "NET_RAW",
                                         "IPC_LOCK",
                                         "IPC_OWNER",
                                         "SYS_MODULE",
                                         "SYS_RAWIO",
                                         "SYS_CHROOT",
                                         "SYS_PTRACE",
                                         "SYS_PACCT",
                                         "SYS_ADMIN",
                                         "SYS_BOOT",
                                         "SYS_NICE",
                                         "SYS_RESOURCE",
                                         "SYS_TIME",
                                         "SYS_TTY_CONFIG",
                                         "MKNOD",
                                         "LEASE",
                                         "AUDIT_WRITE",
                                         "AUDIT_CONTROL",
                                         "SETFCAP",
                                         "MAC_OVERRIDE",
                                         "MAC_ADMIN",
                                         "SYSLOG",
                                         "WAKE_ALARM",
                                         "BLOCK_SUSPEND",
                                         "AUDIT_READ",
                                         "PERFMON",
                                         "BPF",
                                         "CHECKPOINT_RESTORE"};

// Docker's default set without MKNOD, NET_RAW (the network is the machine's), SYS_CHROOT (which
// climbs out where pivot_root is impossible) and AUDIT_WRITE.
constexpr std::uint64_t restricted = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FSETID) |
                                     bit(CAP_FOWNER) | bit(CAP_SETGID) | bit(CAP_SETUID) |
                                     bit(CAP_SETFCAP) | bit(CAP_SETPCAP) |
                                     bit(CAP_NET_BIND_SERVICE) | bit(CAP_KILL);
constexpr std::uint64_t disk = restricted | bit(CAP_SYS_ADMIN) | bit(CAP_MKNOD) |
                               bit(CAP_SYS_RAWIO) | bit(CAP_SYS_CHROOT) | bit(CAP_SYS_RESOURCE) |
                               bit(CAP_LINUX_IMMUTABLE) | bit(CAP_IPC_LOCK);
// kexec_load, kexec_file_load and reboot.
constexpr std::uint64_t kexec = disk | bit(CAP_SYS_BOOT);
constexpr std::uint64_t all = bit(CAP_CHECKPOINT_RESTORE) * 2 - 1;
constexpr std::uint64_t host =
    all & ~(bit(CAP_SYS_PACCT) | bit(CAP_AUDIT_CONTROL) | bit(CAP_AUDIT_READ) |
            bit(CAP_MAC_OVERRIDE) | bit(CAP_WAKE_ALARM) | bit(CAP_BLOCK_SUSPEND) |
            bit(CAP_PERFMON) | bit(CAP_BPF) | bit(CAP_CHECKPOINT_RESTORE));

constexpr std::uint64_t nosuid_noexec_nodev =
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;

using Options = std::vector<std::pair<std::string, std::string>>;

PlannedMount fresh(std::string type, std::string target, std::uint64_t attributes,
                   Options options = {}, bool optional = false) {
    PlannedMount mount;
    mount.source = std::move(type);
    mount.target = std::move(target);
    mount.attributes = attributes;
    mount.options = std::move(options);
    mount.optional = optional;
    return mount;
}

PlannedMount bind_tree(const std::string& path) {
    PlannedMount mount;
    mount.kind = PlannedMount::Kind::bind;
    mount.source = path;
    mount.target = path;
    mount.recursive = true;
    return mount;
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::restricted:
            return "restricted";
        case Level::disk:
            return "disk";
        case Level::kexec:
            return "kexec";
        case Level::host:
            return "host";
    }
    return "?";
}

Result<Level> parse_level(std::string_view text) {
    for (Level level : all_levels)
        if (text == to_string(level)) return level;
    return Error(ErrorKind::invalid_input, "no sandbox level is called '" + printable(text) + "'")
        .hint("the levels are restricted, disk, kexec and host");
}

std::string_view to_string(Network network) {
    switch (network) {
        case Network::host:
            return "host";
        case Network::none:
            return "none";
        case Network::bridge:
            return "bridge";
    }
    return "?";
}

Result<Network> parse_network(std::string_view text) {
    for (Network network : all_networks)
        if (text == to_string(network)) return network;
    return Error(ErrorKind::invalid_input, "no network is called '" + printable(text) + "'")
        .hint("the networks are host, none and bridge");
}

std::uint64_t level_capabilities(Level level) {
    switch (level) {
        case Level::restricted:
            return restricted;
        case Level::disk:
            return disk;
        case Level::kexec:
            return kexec;
        case Level::host:
            return host;
    }
    return 0;
}

std::string capability_name(unsigned number) {
    if (number < capability_names.size()) return std::string("CAP_") + capability_names[number];
    return "CAP_" + std::to_string(number);
}

std::vector<PlannedMount> default_mounts(Level level) {
    std::vector<PlannedMount> mounts;
    mounts.push_back(fresh("proc", "/proc", nosuid_noexec_nodev));
    if (level == Level::restricted) {
        mounts.push_back(fresh("tmpfs", "/dev", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
                               {{"mode", "755"}, {"size", "64m"}}));
        mounts.push_back(fresh("devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                               {{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}}));
    } else {
        // The machine's own: partitions made by an action appear in it while the action runs.
        mounts.push_back(bind_tree("/dev"));
    }
    mounts.push_back(
        fresh("tmpfs", "/dev/shm", nosuid_noexec_nodev, {{"mode", "1777"}, {"size", "64m"}}));
    mounts.push_back(fresh("mqueue", "/dev/mqueue", nosuid_noexec_nodev, {}, true));
    if (level == Level::host)
        mounts.push_back(bind_tree("/sys"));
    else
        mounts.push_back(fresh("sysfs", "/sys", nosuid_noexec_nodev | MOUNT_ATTR_RDONLY));
    std::uint64_t cgroup_access = level == Level::host ? 0 : MOUNT_ATTR_RDONLY;
    mounts.push_back(
        fresh("cgroup2", "/sys/fs/cgroup", nosuid_noexec_nodev | cgroup_access, {}, true));
    return mounts;
}

std::vector<PlannedMount> private_mounts() {
    std::vector<PlannedMount> mounts;
    for (const char* path : {"/run", "/tmp"})
        mounts.push_back(fresh("tmpfs", path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
                               {{"mode", "1777"}, {"size", "64m"}}));
    return mounts;
}

std::vector<std::string> masked_paths(Level level) {
    if (level == Level::host) return {};
    std::vector<std::string> paths = {"/proc/acpi",
                                      "/proc/asound",
                                      "/proc/interrupts",
                                      "/proc/kcore",
                                      "/proc/keys",
                                      "/proc/latency_stats",
                                      "/proc/sched_debug",
                                      "/proc/scsi",
                                      "/proc/timer_list",
                                      "/proc/timer_stats",
                                      "/sys/devices/virtual/powercap"};
    // The next kernel gets its memory map and device tree from there.
    if (level != Level::kexec) paths.emplace_back("/sys/firmware");
    return paths;
}

std::vector<std::string> read_only_paths(Level level) {
    if (level == Level::host) return {};
    return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

}  // namespace osiekit::sandbox
