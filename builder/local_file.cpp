#include "builder/local_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "builder/cache/entry.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t piece_size = 1U << 20U;
constexpr std::time_t rest = 1;  // seconds; many ticks of the clock

Result<struct stat> examine(int fd, const std::filesystem::path& path) {
    struct stat info = {};
    if (::fstat(fd, &info) != 0) return Error::from_errno("cannot examine " + path.string());
    return info;
}

}  // namespace

Result<std::shared_ptr<LocalFile>> LocalFile::open(const std::filesystem::path& path) {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) return Error::from_errno("cannot read " + path.string());
    if (!S_ISREG(info.st_mode))
        return Error(ErrorKind::invalid_input, path.string() + " is not a regular file");
    return std::shared_ptr<LocalFile>(
        new LocalFile(path, static_cast<std::uint64_t>(info.st_size)));
}

Error LocalFile::changed() const {
    return Error(ErrorKind::io, path_.string() + " changed while it was read")
        .hint("try again when nothing writes to it");
}

std::optional<LocalFile::Settled> LocalFile::settled() const {
    std::lock_guard lock(mutex_);
    return settled_;
}

Status LocalFile::settle(const Settled& found) {
    std::lock_guard lock(mutex_);
    if (!settled_) settled_ = found;
    return settled_->digest == found.digest ? Status() : Status(changed());
}

Status LocalFile::read(const ByteSink& sink) {
    OSIEKIT_ASSIGN(Fd fd, open_file(path_, O_RDONLY));
    OSIEKIT_ASSIGN(struct stat before, examine(fd.get(), path_));
    if (static_cast<std::uint64_t>(before.st_size) != size_) return changed();
    Settled now;
    now.stamp = stamp_of(before);
    now.at_rest = before.st_ctim.tv_sec + rest < std::time(nullptr);
    std::optional<Settled> first = settled();
    bool same = first && first->at_rest && first->stamp == now.stamp;
    Sha256Stream hash;
    std::string buffer(std::min<std::uint64_t>(piece_size, size_ + 1), '\0');
    // One byte more than there should be, to see a file that grows.
    for (std::uint64_t done = 0;;) {
        ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot read " + path_.string());
        std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
        done += piece.size();
        if (done > size_ || (n == 0 && done < size_)) return changed();
        if (n == 0) break;
        // First who may want no more of it.
        OSIEKIT_TRY(sink(piece));
        if (!same) hash.update(piece);
    }
    OSIEKIT_ASSIGN(struct stat after, examine(fd.get(), path_));
    bool still = stamp_of(after) == now.stamp;
    if (same) return still ? Status() : Status(changed());
    now.at_rest = now.at_rest && still;
    now.digest = hash.finish();
    return settle(now);
}

Result<Sha256> LocalFile::digest() {
    if (auto first = settled()) return first->digest;
    OSIEKIT_TRY(read([](std::string_view) { return Status(); }));
    return settled()->digest;
}

}  // namespace osiekit::builder
