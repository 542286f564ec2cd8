// From a specification to a plan: validation and tables only, no system calls but none needed.
#include <linux/sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "lib/base/text.hpp"
#include "lib/sandbox/levels.hpp"
#include "lib/sandbox/limits.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::sandbox {
namespace {

constexpr std::size_t longest_hostname = 64;  // sethostname(2)
constexpr std::size_t longest_cgroup = 128;   // the kernel takes 255 bytes
constexpr std::size_t most_groups = 65536;    // NGROUPS_MAX

Error invalid(std::string text) {
    return {ErrorKind::invalid_input, std::move(text)};
}

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

// "/a//b/../c/" becomes "/a/c"; never climbs above "/".
std::string normal(const std::filesystem::path& path) {
    std::string text = path.lexically_normal().string();
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    while (text.rfind("/..", 0) == 0 && (text.size() == 3 || text[3] == '/')) text.erase(0, 3);
    return text.empty() ? "/" : text;
}

bool is_or_below(std::string_view path, std::string_view folder) {
    return path == folder ||
           (path.size() > folder.size() && path.substr(0, folder.size()) == folder &&
            path[folder.size()] == '/');
}

bool name_is_plain(std::string_view name) {
    return !name.empty() && name.size() <= longest_cgroup && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
           });
}

Status check_command(const SandboxSpec& spec) {
    if (spec.argv.empty() || spec.argv[0].empty())
        return invalid("there is no command to run")
            .hint("the image needs an entrypoint or the action a command");
    for (const std::string& argument : spec.argv)
        if (has_nul(argument)) return invalid("an argument contains a NUL byte");
    for (const std::string& variable : spec.env)
        if (has_nul(variable) || variable.find('=') == 0 || variable.find('=') == std::string::npos)
            return invalid("environment entry '" +
                           printable(variable.substr(0, variable.find('='))) +
                           "' is not NAME=value");
    if (spec.cwd.empty() || spec.cwd.front() != '/' || has_nul(spec.cwd))
        return invalid("working directory '" + printable(spec.cwd) + "' is not an absolute path");
    return {};
}

Status check_names(const SandboxSpec& spec) {
    if (!spec.rootfs.is_absolute() || has_nul(spec.rootfs.native()))
        return invalid("root directory '" + printable(spec.rootfs.string()) +
                       "' is not an absolute path");
    if (spec.hostname.size() > longest_hostname || has_nul(spec.hostname))
        return invalid("host name '" + printable(spec.hostname) + "' is longer than " +
                       std::to_string(longest_hostname) + " bytes");
    if (!spec.cgroup.empty() && !name_is_plain(spec.cgroup))
        return invalid("cgroup name '" + printable(spec.cgroup) + "' is not 1 to " +
                       std::to_string(longest_cgroup) + " of letters, digits, '.', '_', '-'");
    if (spec.limits.cpu_millis && *spec.limits.cpu_millis < least_cpu_millis)
        return invalid("a processor limit of " + std::to_string(*spec.limits.cpu_millis) +
                       " thousandths is less than the kernel's least, " +
                       std::to_string(least_cpu_millis));
    if (spec.groups.size() > most_groups) return invalid("too many supplementary groups");
    if (spec.stdout_fd < 0 || spec.stderr_fd < 0)
        return invalid("standard output and error need open descriptors");
    return {};
}

Status check_users(const SandboxSpec& spec) {
    if (!spec.users) return {};
    const UserMap& users = *spec.users;
    if (spec.level != Level::restricted)
        return invalid("a user namespace takes away what level " +
                       std::string(to_string(spec.level)) + " is for")
            .hint("it goes with level restricted");
    if (spec.host_pid)
        return invalid("a user namespace cannot show the machine's processes")
            .hint("leave out the machine's PID namespace");
    std::vector<gid_t> groups = spec.groups;
    groups.push_back(spec.gid);
    if (spec.uid >= users.count ||
        std::any_of(groups.begin(), groups.end(), [&](gid_t gid) { return gid >= users.count; }))
        return invalid("the user namespace has the users and groups 0 to " +
                       std::to_string(users.count - 1) + ", not " + std::to_string(spec.uid) + ":" +
                       std::to_string(spec.gid) + " and its groups");
    if (users.single() && !spec.groups.empty())
        return invalid("without root there are no supplementary groups in a user namespace");
    return {};
}

// What a user namespace cannot mount: a sysfs of the machine's network, and what names groups that
// it does not have.
void fit_to_users(std::vector<PlannedMount>& mounts, const SandboxSpec& spec) {
    for (PlannedMount& mount : mounts) {
        if (mount.from_spec) continue;
        if (mount.source == "sysfs" && spec.network == Network::host) {
            mount.kind = PlannedMount::Kind::bind;
            mount.source = mount.target;
            mount.recursive = true;
        }
        if (spec.users->single())
            std::erase_if(mount.options, [](const auto& option) { return option.first == "gid"; });
    }
}

// A volume that would give a restricted program what its level is there to keep from it.
bool opens_the_machine(std::string_view source) {
    return source == "/" || is_or_below(source, "/dev") || is_or_below(source, "/proc") ||
           is_or_below(source, "/sys");
}

Result<PlannedMount> plan_volume(const Mount& volume, Level level) {
    if (!volume.source.is_absolute() || !volume.target.is_absolute() ||
        has_nul(volume.source.native()) || has_nul(volume.target.native()))
        return invalid("volume " + printable(volume.source.string()) + ":" +
                       printable(volume.target.string()) + ": both paths must be absolute");
    PlannedMount mount;
    mount.kind = PlannedMount::Kind::bind;
    mount.source = normal(volume.source);
    mount.target = normal(volume.target);
    if (mount.target == "/" || is_or_below(mount.target, "/proc"))
        return invalid("volume " + mount.source + ":" + mount.target +
                       ": nothing can be mounted there (CVE-2019-19921)");
    if (level == Level::restricted && opens_the_machine(mount.source))
        return invalid("volume " + mount.source + ":" + mount.target +
                       ": level restricted has no devices and no view of the kernel")
            .hint("this action needs level disk or host");
    if (volume.read_only) mount.attributes |= MOUNT_ATTR_RDONLY;
    if (level == Level::restricted) mount.attributes |= MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
    mount.recursive = volume.recursive;
    mount.create_source = volume.create_source;
    mount.source_without_links = volume.source_without_links;
    mount.from_spec = true;
    return mount;
}

// Docker's rule: a volume takes the place of a default mount with the same target, and one at /dev
// that of all below it.
void replace_default(std::vector<PlannedMount>& mounts, const std::string& target) {
    std::erase_if(mounts, [&](const PlannedMount& mount) {
        if (mount.from_spec) return false;
        return mount.target == target || (target == "/dev" && is_or_below(mount.target, target)) ||
               (target == "/sys" && is_or_below(mount.target, target));
    });
}

void protect_root(Plan& plan) {
    plan.root_attributes |= MOUNT_ATTR_RDONLY;
    for (PlannedMount& mount : private_mounts()) plan.mounts.push_back(std::move(mount));
}

std::string attribute_text(std::uint64_t attributes) {
    std::string text = (attributes & MOUNT_ATTR_RDONLY) != 0 ? "ro" : "rw";
    if ((attributes & MOUNT_ATTR_NOSUID) != 0) text += ",nosuid";
    if ((attributes & MOUNT_ATTR_NODEV) != 0) text += ",nodev";
    if ((attributes & MOUNT_ATTR_NOEXEC) != 0) text += ",noexec";
    if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME) text += ",strictatime";
    return text;
}

std::string mount_text(const PlannedMount& mount) {
    std::string text = mount.kind == PlannedMount::Kind::fresh ? "mount  " : "bind   ";
    text += mount.source + " on " + mount.target + " (" + attribute_text(mount.attributes);
    if (mount.recursive) text += ",recursive";
    for (const auto& [key, value] : mount.options) text += "," + key + "=" + value;
    return text + ")\n";
}

std::string limit_text(const Limits& limits) {
    std::string text;
    auto add = [&](const char* name, auto value) {
        if (value) text += " " + std::string(name) + "=" + std::to_string(*value);
    };
    add("memory_bytes", limits.memory_bytes);
    add("processes", limits.processes);
    add("cpu_millis", limits.cpu_millis);
    add("io_bytes_per_second", limits.io_bytes_per_second);
    return text.empty() ? text : "limits" + text + "\n";
}

std::string network_text(Network network) {
    std::string text = "net    " + std::string(to_string(network)) + "\n";
    if (network == Network::bridge)
        text +=
            "bridge osieN, a port and eth0 inside, forwarding on, table osieN of nf_tables: "
            "masquerade what leaves, drop what comes\n";
    return text;
}

std::string users_text(const SandboxSpec& spec) {
    const UserMap& users = *spec.users;
    std::string text = "users  0 is " + std::to_string(users.first_user) + ":" +
                       std::to_string(users.first_group) + " of the machine, " +
                       std::to_string(users.count) + " of them\n";
    if (users.single()) return text + "groups cannot be set\n";
    if (!spec.rootfs_is_mapped) text += "idmap  the root's files belong to the users inside\n";
    return text;
}

std::string namespace_text(std::uint64_t flags) {
    std::string text;
    auto add = [&](std::uint64_t flag, const char* name) {
        if ((flags & flag) != 0) text += text.empty() ? name : std::string(" ") + name;
    };
    add(CLONE_NEWUSER, "user");
    add(CLONE_NEWNS, "mount");
    add(CLONE_NEWPID, "pid");
    add(CLONE_NEWIPC, "ipc");
    add(CLONE_NEWUTS, "uts");
    add(CLONE_NEWCGROUP, "cgroup");
    add(CLONE_NEWNET, "net");
    return text;
}

}  // namespace

Result<Plan> make_plan(SandboxSpec spec) {
    OSIEKIT_TRY(check_command(spec).context("planning the sandbox"));
    OSIEKIT_TRY(check_names(spec).context("planning the sandbox"));
    OSIEKIT_TRY(check_users(spec).context("planning the sandbox"));
    Plan plan;
    plan.namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (!spec.host_pid) plan.namespaces |= CLONE_NEWPID;
    if (spec.network != Network::host) plan.namespaces |= CLONE_NEWNET;
    if (spec.users) plan.namespaces |= CLONE_NEWUSER;
    plan.mounts = default_mounts(spec.level);
    if (spec.level == Level::restricted)
        plan.root_attributes = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
    if (spec.shares_root && spec.level != Level::host) protect_root(plan);
    if (spec.users) fit_to_users(plan.mounts, spec);
    for (const Mount& volume : spec.mounts) {
        auto mount = plan_volume(volume, spec.level).context("planning the sandbox");
        if (!mount) return std::move(mount).error();
        replace_default(plan.mounts, mount->target);
        plan.mounts.push_back(*std::move(mount));
    }
    plan.device_nodes = std::any_of(plan.mounts.begin(), plan.mounts.end(), [](const auto& mount) {
        return mount.kind == PlannedMount::Kind::fresh && mount.target == "/dev";
    });
    plan.masked = masked_paths(spec.level);
    plan.read_only = read_only_paths(spec.level);
    plan.capabilities = level_capabilities(spec.level);
    plan.no_new_privileges = spec.level != Level::host;
    plan.spec = std::move(spec);
    return plan;
}

std::string describe(const Plan& plan) {
    const SandboxSpec& spec = plan.spec;
    std::string text = "level  " + std::string(to_string(spec.level)) + "\n";
    text += "root   " + spec.rootfs.string() + " (" + attribute_text(plan.root_attributes) + ")\n";
    for (const std::string& argument : spec.argv)
        text += (&argument == spec.argv.data() ? "run    " : " ") + printable(argument);
    text += "\nin     " + spec.cwd + "\nas     " + std::to_string(spec.uid) + ":" +
            std::to_string(spec.gid) + "\n";
    for (const std::string& variable : spec.env)
        text += "env    " + printable(variable.substr(0, variable.find('='))) + "\n";
    text += "own    " + namespace_text(plan.namespaces) + "\n";
    if (spec.users) text += users_text(spec);
    if (!spec.cgroup.empty()) text += "cgroup osie/" + spec.cgroup + "\n";
    text += limit_text(spec.limits);
    text += network_text(spec.network);
    for (const PlannedMount& mount : plan.mounts) text += mount_text(mount);
    for (const std::string& path : plan.masked) text += "mask   " + path + "\n";
    for (const std::string& path : plan.read_only) text += "ro     " + path + "\n";
    text += "caps  ";
    for (unsigned number = 0; number < 64; ++number)
        if ((plan.capabilities >> number & 1U) != 0) text += " " + capability_name(number);
    text += "\nprivs  ";
    text += plan.no_new_privileges ? "no new ones\n" : "setuid programs work\n";
    text += spec.die_with_parent ? "life   ends with the agent's\n" : "life   its own\n";
    return text;
}

std::string ExitStatus::describe() const {
    std::string text = signal == 0 ? "exit status " + std::to_string(code)
                                   : "killed by signal " + std::to_string(signal) + " (" +
                                         ::strsignal(signal) + ")";
    if (out_of_memory) text += ": out of memory";
    if (asked_for_reboot) text += ": it called reboot(2), which ends only its own PID namespace";
    return text;
}

}  // namespace osiekit::sandbox
