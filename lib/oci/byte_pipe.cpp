#include "lib/oci/byte_pipe.hpp"

#include <utility>

namespace osiekit::oci {

bool BytePipe::write(std::string_view bytes) {
    if (bytes.empty()) return true;
    std::unique_lock lock(mutex_);
    if (waiting_ >= capacity_) {
        writer_waits_ = true;
        changed_.wait(lock, [&] { return abandoned_ || waiting_ <= capacity_ / 2; });
        writer_waits_ = false;
    }
    if (abandoned_) return false;
    std::string piece = std::move(spare_);
    spare_.clear();
    // Copied while the reader works; there is one writer.
    lock.unlock();
    piece.assign(bytes);
    lock.lock();
    pieces_.push_back(std::move(piece));
    waiting_ += bytes.size();
    if (reader_waits_ && waiting_ >= run_) changed_.notify_all();
    return true;
}

void BytePipe::finish(std::optional<Error> error) {
    std::lock_guard lock(mutex_);
    finished_ = true;
    error_ = std::move(error);
    changed_.notify_all();
}

Result<std::string_view> BytePipe::read() {
    std::unique_lock lock(mutex_);
    if (pieces_.empty()) {
        reader_waits_ = true;
        changed_.wait(lock, [&] { return abandoned_ || finished_ || waiting_ >= run_; });
        reader_waits_ = false;
    }
    if (abandoned_) return Error(ErrorKind::cancelled, "not wanted any more");
    if (pieces_.empty()) {
        if (error_) return *error_;
        return std::string_view();
    }
    spare_ = std::move(current_);
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    waiting_ -= current_.size();
    if (writer_waits_ && waiting_ <= capacity_ / 2) changed_.notify_all();
    return std::string_view(current_);
}

void BytePipe::abandon() {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
}

bool BytePipe::abandoned() {
    std::lock_guard lock(mutex_);
    return abandoned_;
}

}  // namespace osiekit::oci
