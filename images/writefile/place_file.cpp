#include "images/writefile/place_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::images::writefile {
namespace {

constexpr int most_links = 40;  // as the kernel

Fd open_in_root(int root, const std::string& path, std::uint64_t flags) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (;;) {
        long fd = ::syscall(SYS_openat2, root, path.empty() ? "/" : path.c_str(), &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return Fd(static_cast<int>(fd));
    }
}

struct Place {
    std::string folder;  // "" or "/a/b"
    std::string name;
};

Place split_path(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return {path.substr(0, slash), path.substr(slash + 1)};
}

Status make_directory(int parent, const char* name, const FileSpec& file) {
    if (::mkdirat(parent, name, 0700) != 0) return Error::from_errno("cannot make the directory");
    Fd made(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made || ::fchown(made.get(), file.uid, file.gid) != 0 ||
        ::fchmod(made.get(), file.directory_mode) != 0)
        return Error::from_errno("cannot set owner and mode of the directory");
    return {};
}

// Opens the folder, making what is missing of it.
Result<Fd> open_folder(int root, const std::string& folder, const FileSpec& file) {
    Fd current = open_in_root(root, "", O_PATH | O_DIRECTORY);
    std::string path;
    for (std::string_view part : split(folder, '/')) {
        if (part.empty() || part == ".") continue;
        path += "/" + std::string(part);
        Fd next = open_in_root(root, path, O_PATH | O_DIRECTORY);
        if (!next && errno == ENOENT) {
            if (part == "..") return Error::from_errno("cannot open " + path, ENOENT);
            OSIEKIT_TRY(
                make_directory(current.get(), std::string(part).c_str(), file).context(path));
            next = open_in_root(root, path, O_PATH | O_DIRECTORY);
        }
        if (!next) return Error::from_errno("cannot open " + path);
        current = std::move(next);
    }
    return current;
}

// The target of a symbolic link; empty if it is none.
std::string link_target(int folder, const std::string& name) {
    std::array<char, 4096> target{};
    ssize_t n = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    return n <= 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(n));
}

Status write_beside(int folder, const std::string& name, const std::string& temporary,
                    const FileSpec& file) {
    ::unlinkat(folder, temporary.c_str(), 0);  // left by a run that was killed
    Fd out(::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600));
    if (!out) return Error::from_errno("cannot make a file");
    OSIEKIT_TRY(write_all(out.get(), file.contents));
    // The owner first: changing it clears setuid bits.
    if (::fchown(out.get(), file.uid, file.gid) != 0 || ::fchmod(out.get(), file.mode) != 0)
        return Error::from_errno("cannot set owner and mode");
    if (::fsync(out.get()) != 0) return Error::from_errno("cannot flush");
    if (::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0)
        return Error::from_errno("cannot replace the file");
    return {};
}

Status replace(int folder, const std::string& name, const FileSpec& file) {
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISREG(status.st_mode))
        return Error(ErrorKind::invalid_input, "it exists and is no regular file");
    std::string temporary = ".writefile-" + std::to_string(::getpid());
    Status done = write_beside(folder, name, temporary, file);
    if (!done) ::unlinkat(folder, temporary.c_str(), 0);
    return done;
}

}  // namespace

Status place_file(int root, const FileSpec& file) {
    std::string path = file.path;
    for (int links = 0; links <= most_links; ++links) {
        Place place = split_path(path);
        if (place.name.empty() || place.name == "." || place.name == "..")
            return Error(ErrorKind::invalid_input, printable(path) + " names no file");
        auto folder = open_folder(root, place.folder, file).context("writing " + file.path);
        if (!folder) return std::move(folder).error();
        std::string target = link_target(folder->get(), place.name);
        if (target.empty()) {
            OSIEKIT_TRY(replace(folder->get(), place.name, file).context("writing " + file.path));
            Fd flush(::openat(folder->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (!flush || ::fsync(flush.get()) != 0)
                return Error::from_errno("cannot flush the folder of " + file.path);
            return {};
        }
        path = target.front() == '/' ? target : place.folder + "/" + target;
    }
    return Error(ErrorKind::invalid_input, file.path + " leads through too many symbolic links");
}

}  // namespace osiekit::images::writefile
