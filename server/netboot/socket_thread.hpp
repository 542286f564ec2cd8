#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::netboot {

// A thread that serves one socket until it is told to stop.
class SocketThread {
  public:
    SocketThread() = default;
    SocketThread(const SocketThread&) = delete;
    SocketThread& operator=(const SocketThread&) = delete;
    ~SocketThread() { stop(); }

    // From now on calls `ready` on the thread whenever the socket can be read and, if `wait` is
    // given, after at most as many milliseconds as it says (-1: no limit). All of them, and the
    // socket, must outlive stop().
    Status start(int socket, std::function<void()> ready, std::function<int()> wait = {});
    bool stopping() const { return stopping_; }
    void stop();

  private:
    void run();

    int socket_ = -1;
    std::function<void()> ready_;
    std::function<int()> wait_;
    Fd wake_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace osiekit::netboot
