#include "init/system/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;

Status create_link(const char* target, const char* path) {
    if (::symlink(target, path) == 0 || errno == EEXIST) return {};
    return Error::from_errno(std::string("linking ") + path);
}

}  // namespace

const std::vector<Mount>& mount_table() {
    static const std::vector<Mount> table = {
        {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755", true},
        {"proc", "/proc", "proc", plain, "", true},
        {"sysfs", "/sys", "sysfs", plain, "", true},
        {"run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", true},
        {"tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true},
        {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
         "newinstance,ptmxmode=0666,mode=0620,gid=5", false},
        {"shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", false},
        {"mqueue", "/dev/mqueue", "mqueue", plain, "", false},
        {"cgroup2", "/sys/fs/cgroup", "cgroup2", plain, "", false},
        {"securityfs", "/sys/kernel/security", "securityfs", plain, "", false},
        {"pstore", "/sys/fs/pstore", "pstore", plain, "", false},
    };
    return table;
}

Status KernelMountCalls::make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
    return Error::from_errno("making the folder " + path);
}

Status KernelMountCalls::mount(const Mount& mount) {
    if (::mount(mount.source, mount.target, mount.type, mount.flags, mount.options) == 0 ||
        errno == EBUSY)
        return {};
    return Error::from_errno(std::string("mounting ") + mount.type + " on " + mount.target);
}

Status mount_all(const std::vector<Mount>& table, MountCalls& calls, const BootLog& log) {
    for (const Mount& mount : table) {
        // Folders inside sysfs exist or cannot be made; mounting tells.
        Status status = calls.make_folder(mount.target);
        if (Status mounted = calls.mount(mount); !mounted)
            status = std::move(mounted);
        else
            status = {};
        if (status) continue;
        if (mount.required) return status;
        bool absent =
            status.error().error_number() == ENODEV || status.error().error_number() == ENOENT;
        log.write(absent ? LogLevel::debug : LogLevel::warning, "osie-init",
                  status.error().to_string());
    }
    return {};
}

Status open_console() {
    OSIEKIT_ASSIGN(Fd console, open_file("/dev/console", O_RDWR | O_NOCTTY));
    for (int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::dup2(console.get(), number) < 0) return Error::from_errno("opening the console");
    if (console.get() <= STDERR_FILENO) (void)console.release();
    // Programs expect these names, and devtmpfs has them not.
    OSIEKIT_TRY(create_link("/proc/self/fd", "/dev/fd"));
    OSIEKIT_TRY(create_link("/proc/self/fd/0", "/dev/stdin"));
    OSIEKIT_TRY(create_link("/proc/self/fd/1", "/dev/stdout"));
    OSIEKIT_TRY(create_link("/proc/self/fd/2", "/dev/stderr"));
    return {};
}

Status give_root_a_parent() {
    const char* folder = "/.parent";
    if (::mkdir(folder, 0755) != 0 && errno != EEXIST)
        return Error::from_errno("making a folder for the new root");
    Status status;
    if (::mount("/", folder, nullptr, MS_BIND | MS_REC, nullptr) != 0)
        status = Error::from_errno("binding / to another folder");
    else if (::chdir(folder) != 0)
        status = Error::from_errno("entering the new root");
    else if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0)
        status = Error::from_errno("moving the new root over /");
    else if (::chroot(".") != 0)
        status = Error::from_errno("changing the root");
    else if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        status = Error::from_errno("making the root private");
    if (::chdir("/") != 0 && status) status = Error::from_errno("entering the root");
    ::rmdir(folder);
    return status;
}

Status enable_cgroup_controllers(const std::string& root) {
    OSIEKIT_ASSIGN(std::string controllers, read_file(root + "/cgroup.controllers"));
    OSIEKIT_ASSIGN(Fd control, open_file(root + "/cgroup.subtree_control", O_WRONLY));
    Status result;
    // One by one: a controller that refuses must not keep the others out.
    for (std::string_view name : split_words(controllers))
        if (Status status = write_all(control.get(), "+" + std::string(name)); !status)
            result = std::move(status).context("enabling the controller " + std::string(name));
    return result;
}

bool booted_by_efi() {
    return ::access("/sys/firmware/efi", F_OK) == 0;
}

Status mount_efi_variables() {
    static const Mount efi = {"efivarfs", "/sys/firmware/efi/efivars", "efivarfs", plain, "",
                              false};
    return KernelMountCalls().mount(efi);
}

}  // namespace osiekit::init
