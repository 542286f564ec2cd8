#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/sandbox/child.hpp"
#include "lib/sandbox/levels.hpp"

// Mounts by descriptor throughout: the target is opened inside the root, and the mount is attached
// to what was opened, so that no link of the image leads it elsewhere (CVE-2021-30465,
// CVE-2026-41579).
namespace osiekit::sandbox {
namespace {

constexpr std::size_t longest_target = 4096;

// Ours: no links at all. From the specification: links of the image count, but inside the root.
constexpr std::uint64_t strict = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr std::uint64_t inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

int open_inside(int root, const char* path, std::uint64_t flags, std::uint64_t resolve) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = resolve;
    for (;;) {
        long fd = ::syscall(SYS_openat2, root, path[0] == '\0' ? "." : path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
    }
}

bool make_entry(int parent, const char* name, bool directory) {
    if (directory) return ::mkdirat(parent, name, 0755) == 0;
    int file = ::openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file >= 0) ::close(file);
    return file >= 0;
}

// Makes the missing directories of `path` (the last component too if `last_is_directory`, else an
// empty file) and opens it. -1 and errno on failure.
int make_inside(int root, const char* path, bool last_is_directory, std::uint64_t resolve) {
    char prefix[longest_target];
    std::size_t length = std::strlen(path);
    if (length >= sizeof prefix) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int parent = open_inside(root, "", O_PATH | O_DIRECTORY, resolve);
    std::size_t start = 0;
    while (parent >= 0 && start < length) {
        std::size_t end = start;
        while (end < length && path[end] != '/') ++end;
        bool last = end == length;
        std::memcpy(prefix, path, end);
        prefix[end] = '\0';
        const char* name = prefix + start;
        int next = open_inside(root, prefix, O_PATH, resolve);
        if (next < 0 && errno == ENOENT && make_entry(parent, name, !last || last_is_directory))
            next = open_inside(root, prefix, O_PATH, resolve);
        int error = errno;
        ::close(parent);
        errno = error;
        parent = next;
        start = end + 1;
    }
    return parent;
}

int attach(int mount, int target) {
    return static_cast<int>(::syscall(SYS_move_mount, mount, "", target, "",
                                      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int clone_tree(int directory, const char* path, bool recursive) {
    return static_cast<int>(::syscall(
        SYS_open_tree, directory, path,
        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U)));
}

int set_attributes(int mount, std::uint64_t attributes, bool recursive) {
    if (attributes == 0) return 0;
    mount_attr change{};
    change.attr_set = attributes;
    return static_cast<int>(::syscall(SYS_mount_setattr, mount, "",
                                      AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), &change,
                                      sizeof change));
}

int fresh_mount(const char* type, const char* const* options, std::uint64_t attributes) {
    int context = static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
    if (context < 0) return -1;
    for (; options != nullptr && *options != nullptr; options += 2) {
        bool flag = options[1][0] == '\0';
        if (::syscall(SYS_fsconfig, context, flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                      options[0], flag ? nullptr : options[1], 0) != 0)
            return -1;
    }
    if (::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return -1;
    int mount = static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
    ::close(context);
    return mount;
}

bool is_directory(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

bool is_proc(int fd) {
    struct statfs status {};
    return ::fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

int source_of(const ChildMount& wanted) {
    if (wanted.fresh) return fresh_mount(wanted.source, wanted.options, wanted.attributes);
    if (wanted.source_fd >= 0) return wanted.source_fd;
    return clone_source(wanted.source, wanted.recursive, wanted.source_without_links);
}

void perform_mount(const ChildPlan& plan, int root, std::size_t index) {
    const ChildMount& wanted = plan.mounts[index];
    int mount = source_of(wanted);
    if (mount < 0) {
        if (wanted.optional) return;
        give_up(plan, Step::mount_source, index, errno);
    }
    if (!wanted.fresh && set_attributes(mount, wanted.attributes, wanted.recursive) != 0)
        give_up(plan, Step::mount_attributes, index, errno);
    std::uint64_t resolve = wanted.from_spec ? inside : strict;
    int target = make_inside(root, wanted.target, is_directory(mount), resolve);
    if (target < 0) {
        if (wanted.optional) {
            ::close(mount);
            return;
        }
        give_up(plan, Step::mount_target, index, errno);
    }
    // A link of the image may have led into /proc, where mounts deceive (CVE-2019-19921).
    if (wanted.from_spec && is_proc(target)) give_up(plan, Step::mount_in_proc, index, EPERM);
    if (attach(mount, target) != 0) give_up(plan, Step::mount_attach, index, errno);
    ::close(target);
    ::close(mount);
}

// In a user namespace nobody makes device nodes: the machine's own, if it is the right one, is
// bound over an empty file.
bool bind_device(int dev, const DeviceNode& node) {
    char path[32] = "/dev/";
    std::strncat(path, node.name, sizeof path - sizeof "/dev/");
    int source = ::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat status {};
    if (source < 0 || ::fstat(source, &status) != 0) return false;
    if (!S_ISCHR(status.st_mode) || status.st_rdev != ::makedev(node.major, node.minor)) {
        errno = ENODEV;
        return false;
    }
    int mount = clone_tree(source, "", false);
    int file = ::openat(dev, node.name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (mount < 0 || file < 0 ||
        set_attributes(mount, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false) != 0 ||
        attach(mount, file) != 0)
        return false;
    ::close(source);
    ::close(mount);
    ::close(file);
    return true;
}

void make_devices(const ChildPlan& plan, int root) {
    int dev = open_inside(root, "dev", O_PATH | O_DIRECTORY, strict);
    if (dev < 0) give_up(plan, Step::device, 0, errno);
    std::size_t index = 0;
    for (const DeviceNode& node : harmless_devices) {
        bool made = plan.own_users ? bind_device(dev, node)
                                   : ::mknodat(dev, node.name, S_IFCHR | 0666,
                                               ::makedev(node.major, node.minor)) == 0;
        if (!made) give_up(plan, Step::device, index, errno);
        ++index;
    }
    index = 0;
    for (const DeviceLink& link : device_links) {
        if (::symlinkat(link.target, dev, link.name) != 0)
            give_up(plan, Step::device_link, index, errno);
        ++index;
    }
    ::close(dev);
}

// Directories are covered by one shared empty file system, files by the machine's null device.
void mask(const ChildPlan& plan, int root, int null_fd) {
    static constexpr const char* options[] = {"mode", "0555", "size", "4k", nullptr};
    int empty = -1;
    for (std::size_t index = 0; plan.masked[index] != nullptr; ++index) {
        int target = open_inside(root, plan.masked[index], O_PATH, strict);
        if (target < 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
        if (target < 0) give_up(plan, Step::mask, index, errno);
        int cover = -1;
        if (!is_directory(target)) {
            cover = clone_tree(null_fd, "", false);
            // Writing to a device needs no writable mount; changing the node itself does.
            if (cover >= 0 && set_attributes(cover, MOUNT_ATTR_RDONLY, false) != 0)
                give_up(plan, Step::mask, index, errno);
        } else if (empty < 0) {
            // The first one is attached as it is: only attached mounts can be cloned (before 6.15).
            cover = fresh_mount(
                "tmpfs", options,
                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
            empty = cover;
        } else {
            cover = clone_tree(empty, "", false);
        }
        if (cover < 0 || attach(cover, target) != 0) give_up(plan, Step::mask, index, errno);
        if (cover != empty) ::close(cover);
        ::close(target);
    }
    if (empty >= 0) ::close(empty);
}

void make_read_only(const ChildPlan& plan, int root) {
    for (std::size_t index = 0; plan.read_only[index] != nullptr; ++index) {
        int target = open_inside(root, plan.read_only[index], O_PATH, strict);
        if (target < 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
        int cover = target < 0 ? -1 : clone_tree(target, "", true);
        if (cover < 0 || set_attributes(cover, MOUNT_ATTR_RDONLY, true) != 0 ||
            attach(cover, target) != 0)
            give_up(plan, Step::read_only, index, errno);
        ::close(cover);
        ::close(target);
    }
}

// pivot_root needs a root that has a parent mount; the initramfs has none. A copy of the tree
// stacked on it becomes the root, with the initramfs as its parent.
void give_root_a_parent(const ChildPlan& plan) {
    int copy = clone_tree(AT_FDCWD, "/", true);
    int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0 || root < 0 || attach(copy, root) != 0 || ::fchdir(copy) != 0 ||
        ::chroot(".") != 0)
        give_up(plan, Step::root_parent, 0, errno);
    ::close(copy);
    ::close(root);
}

void enter_root(const ChildPlan& plan, int root) {
    if (::fchdir(root) != 0) give_up(plan, Step::pivot, 0, errno);
    if (::syscall(SYS_pivot_root, ".", ".") == 0) {
        // The old root lies on top of the new one now.
        if (::umount2(".", MNT_DETACH) != 0) give_up(plan, Step::pivot, 0, errno);
    } else if (errno == EINVAL) {
        // What else has no parent, such as a chroot: move over it as runc --no-pivot does.
        if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || ::chroot(".") != 0)
            give_up(plan, Step::pivot, 0, errno);
    } else {
        give_up(plan, Step::pivot, 0, errno);
    }
    if (::chdir("/") != 0) give_up(plan, Step::pivot, 0, errno);
}

// -1 and errno if it is not the null device: CVE-2025-31133.
int open_null() {
    int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0) return -1;
    if (S_ISCHR(status.st_mode) && status.st_rdev == ::makedev(1, 3)) return fd;
    ::close(fd);
    errno = ENODEV;
    return -1;
}

}  // namespace

int clone_source(const char* path, bool recursive, bool without_links) {
    if (!without_links) return clone_tree(AT_FDCWD, path, recursive);
    int source = open_inside(AT_FDCWD, path, O_PATH, RESOLVE_NO_SYMLINKS);
    if (source < 0) return -1;
    int mount = clone_tree(source, "", recursive);
    int error = errno;
    ::close(source);
    errno = error;
    return mount;
}

int make_source(const char* path, bool without_links) {
    int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -1;
    int made = make_inside(root, path + std::strspn(path, "/"), true,
                           without_links ? RESOLVE_NO_SYMLINKS : std::uint64_t{0});
    int error = errno;
    ::close(root);
    errno = error;
    return made;
}

int open_working_directory(const char* path) {
    int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -1;
    int directory = make_inside(root, path + std::strspn(path, "/"), true, inside);
    int error = errno;
    ::close(root);
    errno = error;
    return directory;
}

int set_up_mounts(const ChildPlan& plan) {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        give_up(plan, Step::private_mounts, 0, errno);
    if (plan.root_is_initial) give_root_a_parent(plan);
    int null_fd = open_null();
    if (null_fd < 0) give_up(plan, Step::null_device, 0, errno);
    // A tree that only the parent may enter is put on top of the root.
    bool prepared = plan.root_fd >= 0;
    int root = prepared ? plan.root_fd : clone_tree(AT_FDCWD, plan.rootfs, true);
    int place =
        root < 0 ? -1 : ::open(prepared ? "/" : plan.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place < 0 || set_attributes(root, plan.root_attributes, true) != 0 ||
        attach(root, place) != 0)
        give_up(plan, Step::root, 0, errno);
    ::close(place);
    for (std::size_t index = 0; index < plan.mount_count; ++index) {
        perform_mount(plan, root, index);
        // Right after the file system, as volumes may cover parts of /dev.
        bool is_dev =
            plan.mounts[index].fresh && std::strcmp(plan.mounts[index].target, "dev") == 0;
        if (is_dev && plan.device_nodes) make_devices(plan, root);
    }
    mask(plan, root, null_fd);
    make_read_only(plan, root);
    enter_root(plan, root);
    // The one inside, if there is one, has a name that the program can see.
    int inner = open_null();
    return inner >= 0 ? inner : null_fd;
}

}  // namespace osiekit::sandbox
