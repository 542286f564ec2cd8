#include "images/common/mounted.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base/file.hpp"

namespace osiekit::images {
namespace {

Status mount_disk(const std::string& disk, const std::string& type,
                  const std::filesystem::path& point, MountFor purpose) {
    if (::mkdir(point.c_str(), 0755) != 0 && errno != EEXIST)
        return Error::from_errno("cannot make " + point.string());
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (purpose == MountFor::reading) flags |= MS_RDONLY;
    if (::mount(disk.c_str(), point.c_str(), type.c_str(), flags, nullptr) == 0) return {};
    int number = errno;
    Error error = Error::from_errno("cannot mount " + disk + " as " + type, number);
    switch (number) {
        case ENODEV:
            return std::move(error).hint(
                "the kernel has no such file system; check FS_TYPE, or add "
                "its module to the profile");
        case ENOENT:
        case ENOTBLK:
            return std::move(error).hint(
                "check the name of the disk, and that the action has the "
                "volume /dev:/dev");
        case EINVAL:
            return std::move(error).hint(
                "there is no such file system on it; check the name of the "
                "disk and FS_TYPE");
        case EPERM:
            return std::move(error).hint("the action needs sandbox level disk or host");
        default:
            return error;
    }
}

Status work_below(const std::filesystem::path& point, const std::function<Status(int root)>& work) {
    OSIEKIT_ASSIGN(Fd root, open_file(point, O_PATH | O_DIRECTORY));
    return work(root.get());
}

}  // namespace

Status with_mounted(const std::string& disk, const std::string& type,
                    const std::filesystem::path& point, MountFor purpose,
                    const std::function<Status(int root)>& work) {
    OSIEKIT_TRY(mount_disk(disk, type, point, purpose));
    Status done = work_below(point, work);
    if (::umount2(point.c_str(), UMOUNT_NOFOLLOW) != 0) {
        Error error = Error::from_errno("cannot unmount " + disk);
        ::umount2(point.c_str(), MNT_DETACH);
        if (done) return error;
    }
    return done;
}

}  // namespace osiekit::images
