#include "builder/cache/entry.hpp"

#include <unistd.h>

#include <vector>

#include "builder/cache/lease.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t largest_stamp = 4096;
constexpr std::size_t piece = 1U << 18U;
}  // namespace

std::string stamp_of(const struct stat& info) {
    auto nanoseconds = [](const timespec& time) {
        return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
    };
    return std::to_string(info.st_size) + " " + nanoseconds(info.st_mtim) + " " +
           nanoseconds(info.st_ctim) + " " + std::to_string(info.st_ino);
}

Stamp read_stamp(const fs::path& file) {
    Stamp stamp;
    auto text = read_file(file, largest_stamp);
    if (!text) return stamp;
    auto lines = split(*text, '\n');
    stamp.stamp = lines[0];
    if (lines.size() < 2) return stamp;
    std::size_t blank = lines[1].find(' ');
    stamp.note.kind = lines[1].substr(0, blank);
    if (blank != std::string_view::npos) stamp.note.name = lines[1].substr(blank + 1);
    return stamp;
}

std::string stamp_text(const Stamp& stamp) {
    std::string text = stamp.stamp + "\n";
    if (!stamp.note.kind.empty()) text += stamp.note.kind + " " + printable(stamp.note.name) + "\n";
    return text;
}

Result<Sha256> digest_of(int fd, const fs::path& file) {
    Sha256Stream stream;
    std::vector<char> buffer(piece);
    for (off_t at = 0;;) {
        ssize_t n = ::pread(fd, buffer.data(), buffer.size(), at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot read " + file.string());
        if (n == 0) return stream.finish();
        stream.update({buffer.data(), static_cast<std::size_t>(n)});
        at += n;
    }
}

Status remove_damaged(const fs::path& cache, const fs::path& file, const fs::path& stamp,
                      const Fd& fd) {
    OSIEKIT_ASSIGN(auto lock, CacheLock::take(cache, CacheLock::Mode::exclusive));
    struct stat named {};
    if (::lstat(file.c_str(), &named) != 0) return {};
    struct stat mine {};
    if (fd) {
        // While it is open, no other file gets its number.
        if (::fstat(fd.get(), &mine) != 0)
            return Error::from_errno("cannot examine " + file.string());
        if (mine.st_ino != named.st_ino || mine.st_dev != named.st_dev) return {};
    } else if (S_ISREG(named.st_mode)) {
        return {};
    }
    std::error_code failure;
    fs::remove_all(file, failure);
    if (failure)
        return Error(ErrorKind::io, "cannot remove the damaged cache entry " + file.string() +
                                        ": " + failure.message());
    if (!stamp.empty()) ::unlink(stamp.c_str());
    return {};
}

}  // namespace osiekit::builder
