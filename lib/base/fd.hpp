#pragma once

#include <utility>

namespace osiekit {

// Owner of a file descriptor. Move only; closes once, never retries close (Linux frees the number
// even on EINTR).
class Fd {
  public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    // Gives up ownership.
    int release() { return std::exchange(number_, -1); }
    void reset();

  private:
    int number_ = -1;
};

}  // namespace osiekit
