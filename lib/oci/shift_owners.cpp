#include "lib/oci/shift_owners.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

constexpr int max_depth = 2048;

class Shifter {
  public:
    Shifter(std::uint32_t first, std::uint32_t count) : first_(first), count_(count) {}

    Status directory(int fd, const std::string& path, int depth) {
        if (depth > max_depth) return Error(ErrorKind::limit, "directories are nested too deeply");
        auto names = names_in(fd);
        if (!names) return std::move(names).error().context(printable(path));
        for (const std::string& name : *names) OSIEKIT_TRY(one(fd, name, path + "/" + name, depth));
        return {};
    }

    Status one(int parent, const std::string& name, const std::string& path, int depth) {
        struct stat status {};
        if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return Error::from_errno("looking at " + printable(path));
        OSIEKIT_ASSIGN(uid_t user, shifted(status.st_uid, path));
        OSIEKIT_ASSIGN(gid_t group, shifted(status.st_gid, path));
        if ((user != status.st_uid || group != status.st_gid) &&
            ::fchownat(parent, name.c_str(), user, group, AT_SYMLINK_NOFOLLOW) != 0)
            return Error::from_errno("changing the owner of " + printable(path));
        if (!S_ISDIR(status.st_mode)) return {};
        Fd inner(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!inner) return Error::from_errno("opening " + printable(path));
        return directory(inner.get(), path, depth + 1);
    }

  private:
    Result<std::uint32_t> shifted(std::uint32_t owner, const std::string& path) const {
        if (owner >= first_ && owner - first_ < count_) return owner;  // done before
        if (owner < count_) return first_ + owner;
        return Error(ErrorKind::unsupported, printable(path) + " belongs to " +
                                                 std::to_string(owner) +
                                                 ", which the user namespace has no place for");
    }

    std::uint32_t first_;
    std::uint32_t count_;
};

}  // namespace

Status shift_owners(int root_fd, std::uint32_t first, std::uint32_t count) {
    return Shifter(first, count).one(root_fd, ".", "", 0);
}

}  // namespace osiekit::oci
