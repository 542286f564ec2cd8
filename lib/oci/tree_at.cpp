#include "lib/oci/tree_at.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

constexpr int openat2_attempts = 64;  // EAGAIN: a rename raced

Error failed(const std::string& what, const std::string& path) {
    return Error::from_errno(what + " " + printable(path));
}

// One step of make_directories_in_root: the directory `part`, made if it is missing. Only a link is
// resolved from the root.
Result<Fd> enter(int root_fd, int parent, const std::string& part, const std::string& so_far,
                 std::vector<std::string>* made) {
    constexpr int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd next(::openat(parent, part.c_str(), flags));
    if (next) return next;
    if (errno == ENOENT) {
        if (::mkdirat(parent, part.c_str(), 0755) != 0)
            return failed("making the directory", so_far);
        next = Fd(::openat(parent, part.c_str(), flags));
        if (!next) return failed("opening", so_far);
        if (made != nullptr) {
            OSIEKIT_ASSIGN(auto path, path_in_root(root_fd, next.get()));
            if (path) made->push_back(*std::move(path));
        }
        return next;
    }
    auto through = open_in_root(root_fd, so_far, O_PATH | O_DIRECTORY);
    if (!through && through.error().error_number() == ENOENT)
        return Error(ErrorKind::invalid_input, printable(so_far) +
                                                   " is a link that leads nowhere, and something "
                                                   "below it is wanted");
    return through;
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
    if (errno == ENOSYS)
        return Error(ErrorKind::unsupported, "opening " + printable(path) +
                                                 ": the kernel lacks openat2 (Linux 5.6), without "
                                                 "which links of an image could lead outside")
            .hint("use a newer kernel, or allow it where a container runtime forbids it");
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

Result<std::optional<std::string>> path_in_root(int root_fd, int directory_fd) {
    std::error_code failure;
    auto at = [&](int fd) {
        return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), failure);
    };
    auto root = at(root_fd);
    auto path = at(directory_fd).lexically_relative(root);
    if (failure == std::errc::filename_too_long) return std::optional<std::string>();
    if (failure) return Error::from_errno("reading /proc/self/fd", failure.value());
    if (path.empty() || *path.begin() == "..")
        return Error(ErrorKind::internal, "a directory of the layer is not in it");
    return std::optional(path == "." ? std::string() : path.string());
}

Result<Fd> make_directories_in_root(int root_fd, const std::string& path,
                                    std::vector<std::string>* made) {
    auto whole = open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
    if (whole || whole.error().error_number() != ENOENT) return whole;
    // Step by step, as resolving every prefix of a long name from the root takes quadratic time.
    std::string so_far;
    OSIEKIT_ASSIGN(Fd parent, open_in_root(root_fd, "", O_PATH | O_DIRECTORY));
    for (std::string_view part : split(path, '/')) {
        if (part.empty()) continue;
        if (!so_far.empty()) so_far += '/';
        so_far += part;
        OSIEKIT_ASSIGN(parent, enter(root_fd, parent.get(), std::string(part), so_far, made));
    }
    return parent;
}

Result<std::vector<std::string>> names_in(int directory_fd) {
    // Of its own position, so that it may be listed again.
    Fd again(::openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!again) return Error::from_errno("listing a directory");
    std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(again.get()), &::closedir);
    if (!listing) return Error::from_errno("listing a directory");
    [[maybe_unused]] int taken = again.release();
    std::vector<std::string> names;
    while (dirent* entry = ::readdir(listing.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    return names;
}

}  // namespace osiekit::oci
