#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "init/system/boot_log.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::init {

using Milliseconds = std::chrono::milliseconds;

// Time since the machine started (CLOCK_MONOTONIC): what the kernel stamps its messages with.
Milliseconds uptime();

// Waits for descriptors and timers on one thread. An exception out of a callback (lack of memory)
// is reported and ends that callback only.
class EventLoop {
  public:
    using Callback = std::function<void()>;
    using TimerId = std::uint64_t;

    explicit EventLoop(const BootLog& log) : log_(log) {}
    Status open();

    // Calls back whenever `fd` can be read (or its peer is gone), until unwatch(fd), which has to
    // come before the descriptor is closed. Replaces an earlier callback.
    Status watch(int fd, Callback callback);
    void unwatch(int fd);

    TimerId after(Milliseconds delay, Callback callback);
    // An id that is past or 0 is ignored.
    void cancel(TimerId id);

    // Until stop().
    void run();
    void stop() { stopped_ = true; }

  private:
    int wait_time() const;
    void run_timers();
    void run_descriptors();
    void call(const Callback& callback);

    const BootLog& log_;
    Fd epoll_;
    bool stopped_ = false;
    TimerId next_timer_ = 1;
    std::map<int, std::shared_ptr<Callback>> watched_;
    std::map<std::pair<Milliseconds, TimerId>, Callback> timers_;
};

}  // namespace osiekit::init
