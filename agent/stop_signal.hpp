#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "lib/base/fd.hpp"

namespace osiekit::agent {

// "The program is to end", readable as a flag and as a descriptor. Set once, from any thread.
class StopSignal {
  public:
    StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    void set() {
        requested_ = true;
        std::uint64_t one = 1;
        [[maybe_unused]] ssize_t n = ::write(event_.get(), &one, sizeof one);
    }
    bool requested() const { return requested_; }
    // Readable from then on.
    int fd() const { return event_.get(); }
    // Waits; true if the stop came meanwhile.
    bool wait(std::chrono::milliseconds time) const {
        pollfd wanted{event_.get(), POLLIN, 0};
        ::poll(&wanted, 1, static_cast<int>(time.count()));
        return requested_;
    }

  private:
    Fd event_;
    std::atomic<bool> requested_ = false;
};

}  // namespace osiekit::agent
