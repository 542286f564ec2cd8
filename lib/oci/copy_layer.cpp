#include "lib/oci/copy_layer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/implied_directories.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

constexpr int max_depth = 2048;
constexpr const char* opaque_mark = "trusted.overlay.opaque";

// Copies one directory after another; both trees are ours alone meanwhile.
class Copier {
  public:
    Copier(int target_root, std::set<std::string> implied)
        : target_root_(target_root), implied_(std::move(implied)) {}

    Status directory(int from, int to, const std::string& path, int depth) {
        if (depth > max_depth) return Error(ErrorKind::limit, "directories are nested too deeply");
        auto names = names_in(from);
        if (!names) return std::move(names).error().context(printable(path));
        for (const std::string& name : *names)
            OSIEKIT_TRY(one(from, to, name, path.empty() ? name : path + "/" + name, depth));
        return {};
    }

  private:
    Status one(int from, int to, const std::string& name, const std::string& path, int depth) {
        struct stat status {};
        if (::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return Error::from_errno("looking at " + printable(path));
        struct stat present {};
        bool exists = ::fstatat(to, name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0;
        bool merge = exists && S_ISDIR(status.st_mode) && S_ISDIR(present.st_mode);
        if (exists && !merge) OSIEKIT_TRY(remove_tree_at(to, name));
        if (S_ISCHR(status.st_mode) && status.st_rdev == 0) return {};
        if (S_ISDIR(status.st_mode)) return subdirectory(from, to, name, path, depth);
        auto known = links_.find({status.st_dev, status.st_ino});
        if (known != links_.end()) {
            if (::linkat(target_root_, known->second.c_str(), to, name.c_str(), 0) != 0)
                return Error::from_errno("linking " + printable(path));
            return {};
        }
        if (status.st_nlink > 1) links_[{status.st_dev, status.st_ino}] = path;
        if (S_ISREG(status.st_mode)) return file(from, to, name, status);
        return node(from, to, name, status);
    }

    Status subdirectory(int from, int to, const std::string& name, const std::string& path,
                        int depth) {
        Fd source(::openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!source) return Error::from_errno("opening " + printable(path));
        char mark = 0;
        if (::fgetxattr(source.get(), opaque_mark, &mark, 1) == 1)
            OSIEKIT_TRY(remove_tree_at(to, name));
        bool merged = ::mkdirat(to, name.c_str(), 0700) != 0;
        if (merged && errno != EEXIST) return Error::from_errno("making " + printable(path));
        Fd target(::openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!target) return Error::from_errno("opening " + printable(path));
        // What the layer does not state is not taken from it.
        bool kept = merged && implied_.count(path) != 0;
        std::array<timespec, 2> times{};
        struct stat before {};
        if (kept && ::fstat(target.get(), &before) == 0) times = {before.st_mtim, before.st_mtim};
        OSIEKIT_TRY(directory(source.get(), target.get(), path, depth + 1));
        if (!kept) return copy_attributes(source.get(), target.get());
        if (::futimens(target.get(), times.data()) != 0) return Error::from_errno("setting times");
        return {};
    }

    // A hole of a terabyte costs nothing; its zeros would.
    static Status content(int from, int to, off_t size) {
        if (::ftruncate(to, size) != 0) return Error::from_errno("setting the size");
        auto buffer = std::make_unique<std::array<char, 256 * 1024>>();
        off_t data = 0;
        while ((data = ::lseek(from, data, SEEK_DATA)) >= 0) {
            off_t end = ::lseek(from, data, SEEK_HOLE);
            if (end < 0) return Error::from_errno("looking for the next hole");
            while (data < end) {
                auto want =
                    std::min<std::size_t>(buffer->size(), static_cast<std::size_t>(end - data));
                ssize_t n = ::pread(from, buffer->data(), want, data);
                if (n < 0 && errno == EINTR) continue;
                if (n < 0) return Error::from_errno("reading");
                if (n == 0) return Error(ErrorKind::io, "the file became shorter");
                if (::lseek(to, data, SEEK_SET) < 0) return Error::from_errno("writing");
                OSIEKIT_TRY(write_all(to, {buffer->data(), static_cast<std::size_t>(n)}));
                data += n;
            }
        }
        // Behind the last byte there is nothing more to find.
        if (errno != ENXIO) return Error::from_errno("looking for content");
        return {};
    }

    static Status file(int from, int to, const std::string& name, const struct stat& status) {
        Fd source(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
        Fd target(
            ::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!source || !target) return Error::from_errno("copying " + printable(name));
        OSIEKIT_TRY(content(source.get(), target.get(), status.st_size)
                        .context("copying " + printable(name)));
        return copy_attributes(source.get(), target.get());
    }

    static Status node(int from, int to, const std::string& name, const struct stat& status) {
        if (S_ISLNK(status.st_mode)) {
            std::string link(PATH_MAX, '\0');
            ssize_t n = ::readlinkat(from, name.c_str(), link.data(), link.size());
            if (n < 0) return Error::from_errno("reading the link " + printable(name));
            link.resize(static_cast<std::size_t>(n));
            if (::symlinkat(link.c_str(), to, name.c_str()) != 0)
                return Error::from_errno("making the link " + printable(name));
        } else {
            if (::mknodat(to, name.c_str(), status.st_mode, status.st_rdev) != 0 ||
                ::fchmodat(to, name.c_str(), status.st_mode & 07777U, 0) != 0)
                return Error::from_errno("making the node " + printable(name));
        }
        std::array<timespec, 2> times = {status.st_mtim, status.st_mtim};
        if (::fchownat(to, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
            ::utimensat(to, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
            return Error::from_errno("setting the attributes of " + printable(name));
        return {};
    }

    int target_root_;
    std::set<std::string> implied_;  // directories that the layer has no entry for
    std::map<std::pair<dev_t, ino_t>, std::string> links_;  // where the first name went
};

}  // namespace

Status copy_attributes(int source, int target) {
    struct stat status {};
    if (::fstat(source, &status) != 0) return Error::from_errno("reading attributes");
    if (::fchown(target, status.st_uid, status.st_gid) != 0 ||
        ::fchmod(target, status.st_mode & 07777U) != 0)
        return Error::from_errno("setting attributes");
    std::string names(XATTR_LIST_MAX, '\0');
    ssize_t length = ::flistxattr(source, names.data(), names.size());
    names.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    for (std::string_view name : split(names, '\0')) {
        if (name.empty() || name.substr(0, 16) == "trusted.overlay.") continue;
        std::string key(name);
        std::string value(XATTR_SIZE_MAX, '\0');
        ssize_t size = ::fgetxattr(source, key.c_str(), value.data(), value.size());
        if (size >= 0 &&
            ::fsetxattr(target, key.c_str(), value.data(), static_cast<std::size_t>(size), 0) !=
                0 &&
            errno != ENOTSUP)
            return Error::from_errno("setting the attribute " + printable(key));
    }
    std::array<timespec, 2> times = {status.st_mtim, status.st_mtim};
    if (::futimens(target, times.data()) != 0) return Error::from_errno("setting times");
    return {};
}

Status copy_layer(const std::filesystem::path& layer, const std::filesystem::path& target) {
    OSIEKIT_ASSIGN(Fd from, open_file(layer, O_RDONLY | O_DIRECTORY));
    OSIEKIT_ASSIGN(Fd to, open_file(target, O_RDONLY | O_DIRECTORY));
    OSIEKIT_ASSIGN(auto implied, implied_directories(layer));
    std::set<std::string> names(implied.begin(), implied.end());
    if (names.count("") == 0) OSIEKIT_TRY(copy_attributes(from.get(), to.get()));
    return Copier(to.get(), std::move(names)).directory(from.get(), to.get(), "", 0);
}

}  // namespace osiekit::oci
