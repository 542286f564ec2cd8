#include "builder/cache/arriving.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

namespace osiekit::builder {

namespace {

bool same_file(int a, int b) {
    struct stat first {};
    struct stat second {};
    return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

// Of a file that somebody has open, with a position and without a lock (flock(2)) of its own; none
// where /proc is not there.
Fd reopened(const Fd& file) {
    std::string path = "/proc/self/fd/" + std::to_string(file.get());
    return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

Error begun_anew() {
    return Error(ErrorKind::cancelled, "the download was begun anew");
}

}  // namespace

Result<std::size_t> Arriving::read(char* into, std::size_t size, Wait wait) {
    std::unique_lock lock(mutex_);
    if (wait == Wait::yes)
        changed_.wait(lock, [&] { return anew_ || end_ || have_ > given_ || given_ == size_; });
    if (anew_) return begun_anew();
    if (given_ == size_ || (wait == Wait::no && have_ == given_ && !end_)) return std::size_t{0};
    if (have_ == given_)
        return Error(ErrorKind::cancelled, "the download ended before all of it was here");
    std::size_t count = std::min<std::uint64_t>({size, have_ - given_, size_ - given_});
    ssize_t got = 0;
    do {
        got = ::pread(file_.get(), into, count, static_cast<off_t>(given_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Error::from_errno("cannot read a download");
    if (got == 0) return Error(ErrorKind::io, "a download became shorter");
    given_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
}

Status Arriving::verdict() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return end_.has_value(); });
    if (anew_) return begun_anew();
    return *end_;
}

void Arriving::begin(const Fd& file, std::uint64_t have) {
    Fd mine = reopened(file);
    std::lock_guard lock(mutex_);
    // What the reader has is no longer what is at the beginning of the file, or may not be.
    bool other = !mine || (file_ && !same_file(file_.get(), mine.get()));
    if (given_ > 0 && (other || have < given_)) anew_ = true;
    file_ = std::move(mine);
    have_ = file_ ? have : 0;
    changed_.notify_all();
}

void Arriving::grow(std::uint64_t have) {
    std::lock_guard lock(mutex_);
    if (!file_) return;
    have_ = have;
    changed_.notify_all();
}

void Arriving::end(Status how) {
    std::lock_guard lock(mutex_);
    if (end_) return;
    end_ = std::move(how);
    changed_.notify_all();
}

}  // namespace osiekit::builder
