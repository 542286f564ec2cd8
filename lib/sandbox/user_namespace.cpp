#include "lib/sandbox/user_namespace.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/file.hpp"
#include "lib/sandbox/child.hpp"

namespace osiekit::sandbox {
namespace {

std::string file_of(pid_t process, const char* name) {
    return "/proc/" + std::to_string(process) + "/" + name;
}

// In one write, as the kernel wants it.
Status write_map(const std::string& file, std::uint32_t first, std::uint32_t count) {
    OSIEKIT_ASSIGN(Fd map, open_file(file, O_WRONLY));
    std::string line = "0 " + std::to_string(first) + " " + std::to_string(count) + "\n";
    return write_all(map.get(), line).context("writing " + file);
}

Status show_as_mapped(const Plan& plan, pid_t process, int root_fd) {
    OSIEKIT_ASSIGN(Fd users, open_file(file_of(process, "ns/user"), O_RDONLY));
    mount_attr change{};
    change.attr_set = MOUNT_ATTR_IDMAP;
    change.userns_fd = static_cast<std::uint64_t>(users.get());
    if (::syscall(SYS_mount_setattr, root_fd, "", AT_EMPTY_PATH, &change, sizeof change) == 0)
        return {};
    Error error = Error::from_errno("showing the files of " + plan.spec.rootfs.string() +
                                    " as those of the user namespace");
    return std::move(error).hint(
        "its file system has no idmapped mounts: put the root on ext4, xfs or btrfs, or on a tmpfs "
        "of Linux 6.3 or later");
}

}  // namespace

UserMap UserMap::caller() {
    return {::geteuid(), ::getegid(), 1};
}

Result<PreparedMounts> prepare_mounts(const Plan& plan) {
    PreparedMounts prepared;
    prepared.sources.resize(plan.mounts.size());
    if (!plan.spec.users || plan.spec.users->single()) return prepared;
    // With what is mounted below only where no owners are to be shown differently: that is done for
    // one mount.
    prepared.root = Fd(clone_source(plan.spec.rootfs.c_str(), plan.spec.rootfs_is_mapped, false));
    if (!prepared.root)
        return Error::from_errno("opening the root directory " + plan.spec.rootfs.string());
    for (std::size_t index = 0; index < plan.mounts.size(); ++index) {
        const PlannedMount& mount = plan.mounts[index];
        if (mount.kind == PlannedMount::Kind::fresh) continue;
        Fd source(clone_source(mount.source.c_str(), mount.recursive, mount.source_without_links));
        if (!source && !mount.optional)
            return Error::from_errno("opening " + mount.source + ", which is to be at " +
                                     mount.target);
        prepared.sources[index] = std::move(source);
    }
    return prepared;
}

Status write_user_map(pid_t process, const UserMap& users) {
    if (users.single()) {
        // Without it nobody but root may map groups (CVE-2014-8989).
        OSIEKIT_ASSIGN(Fd file, open_file(file_of(process, "setgroups"), O_WRONLY));
        OSIEKIT_TRY(write_all(file.get(), "deny").context("forbidding setgroups"));
    }
    OSIEKIT_TRY(write_map(file_of(process, "uid_map"), users.first_user, users.count));
    return write_map(file_of(process, "gid_map"), users.first_group, users.count);
}

Status map_users(const Plan& plan, pid_t process, int root_fd) {
    OSIEKIT_TRY(write_user_map(process, *plan.spec.users));
    if (root_fd < 0 || plan.spec.rootfs_is_mapped) return {};
    return show_as_mapped(plan, process, root_fd);
}

void raise_file_limit(pid_t process) {
    rlimit files{soft_files, hard_files};
    static_cast<void>(::syscall(SYS_prlimit64, process, RLIMIT_NOFILE, &files, nullptr));
}

}  // namespace osiekit::sandbox
