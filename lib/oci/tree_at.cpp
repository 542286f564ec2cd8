#include "lib/oci/tree_at.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

constexpr int openat2_attempts = 64;  // EAGAIN: a rename raced
constexpr int max_removal_depth = 2048;

Error failed(const std::string& what, const std::string& path) {
    return Error::from_errno(what + " " + printable(path));
}

Status remove_children(int directory_fd, int depth);

Status remove_entry(int directory_fd, const char* name, int depth) {
    if (::unlinkat(directory_fd, name, 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return failed("removing", name);
    Fd child(::openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child) return failed("opening for removal", name);
    OSIEKIT_TRY(remove_children(child.get(), depth + 1));
    if (::unlinkat(directory_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return failed("removing", name);
    return {};
}

Status remove_children(int directory_fd, int depth) {
    if (depth > max_removal_depth)
        return Error(ErrorKind::limit, "directories are nested too deeply to be removed");
    std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(::dup(directory_fd)), &::closedir);
    if (!directory) return Error::from_errno("listing a directory");
    std::vector<std::string> names;
    while (dirent* entry = ::readdir(directory.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    for (const std::string& name : names)
        OSIEKIT_TRY(remove_entry(directory_fd, name.c_str(), depth));
    return {};
}

}  // namespace

Result<Fd> open_in_root(int root_fd, const std::string& path, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const char* name = path.empty() ? "." : path.c_str();
    for (int attempt = 0; attempt < openat2_attempts; ++attempt) {
        long fd = ::syscall(SYS_openat2, root_fd, name, &how, sizeof how);
        if (fd >= 0) return Fd(static_cast<int>(fd));
        if (errno != EAGAIN && errno != EINTR) break;
    }
    return failed("opening", path);
}

Result<std::string> read_file_in_root(int root_fd, const std::string& path, std::uint64_t limit) {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    OSIEKIT_ASSIGN(Fd file, open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return failed("reading", path);
    if (!S_ISREG(status.st_mode))
        return Error(ErrorKind::invalid_input, printable(path) + " is not a regular file");
    return read_all(file.get(), limit);
}

Status remove_tree_at(int directory_fd, const std::string& name) {
    return remove_entry(directory_fd, name.c_str(), 0);
}

Result<Fd> make_directories_in_root(int root_fd, const std::string& path) {
    auto whole = open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
    if (whole || whole.error().error_number() != ENOENT) return whole;
    std::string so_far;
    Fd parent;
    OSIEKIT_ASSIGN(parent, open_in_root(root_fd, "", O_PATH | O_DIRECTORY));
    for (std::string_view part : split(path, '/')) {
        if (part.empty()) continue;
        if (!so_far.empty()) so_far += '/';
        so_far += part;
        auto next = open_in_root(root_fd, so_far, O_PATH | O_DIRECTORY);
        if (!next && next.error().error_number() == ENOENT) {
            if (::mkdirat(parent.get(), std::string(part).c_str(), 0755) != 0)
                return failed("making the directory", so_far);
            next = open_in_root(root_fd, so_far, O_PATH | O_DIRECTORY);
        }
        if (!next) return next;
        parent = std::move(*next);
    }
    return parent;
}

}  // namespace osiekit::oci
