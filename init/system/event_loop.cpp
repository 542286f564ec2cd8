#include "init/system/event_loop.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <string>

namespace osiekit::init {

Milliseconds uptime() {
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

Status EventLoop::open() {
    epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return Error::from_errno("creating the event loop");
    return {};
}

Status EventLoop::watch(int fd, Callback callback) {
    bool known = watched_.count(fd) != 0;
    watched_[fd] = std::make_shared<Callback>(std::move(callback));
    if (known) return {};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
    Error error = Error::from_errno("watching a descriptor");
    watched_.erase(fd);
    return error;
}

void EventLoop::unwatch(int fd) {
    if (watched_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::after(Milliseconds delay, Callback callback) {
    TimerId id = next_timer_++;
    timers_.emplace(std::pair(uptime() + std::max(delay, Milliseconds(0)), id),
                    std::move(callback));
    return id;
}

void EventLoop::cancel(TimerId id) {
    std::erase_if(timers_, [id](const auto& timer) { return timer.first.second == id; });
}

int EventLoop::wait_time() const {
    if (timers_.empty()) return -1;
    constexpr Milliseconds longest = std::chrono::hours(1);
    Milliseconds left = timers_.begin()->first.first - uptime();
    return static_cast<int>(std::clamp(left, Milliseconds(0), longest).count());
}

void EventLoop::call(const Callback& callback) {
    try {
        callback();
    } catch (const std::exception& failure) {
        log_.error(std::string("an internal operation failed: ") + failure.what());
    } catch (...) {
        log_.error("an internal operation failed");
    }
}

void EventLoop::run_timers() {
    while (!timers_.empty() && timers_.begin()->first.first <= uptime() && !stopped_) {
        Callback callback = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        call(callback);
    }
}

void EventLoop::run_descriptors() {
    std::array<epoll_event, 32> events{};
    int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_time());
    for (int i = 0; i < count && !stopped_; ++i) {
        auto it = watched_.find(events[static_cast<std::size_t>(i)].data.fd);
        if (it == watched_.end()) continue;  // unwatched by a callback of this round
        std::shared_ptr<Callback> callback = it->second;
        call(*callback);
    }
}

void EventLoop::run() {
    stopped_ = false;
    while (!stopped_) {
        run_timers();
        if (!stopped_) run_descriptors();
    }
}

}  // namespace osiekit::init
