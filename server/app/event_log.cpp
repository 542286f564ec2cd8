#include "server/app/event_log.hpp"

namespace osiekit::server {

EventLog::EventLog(Engine& engine, const Logger& log)
    : engine_(engine), log_(log), thread_([this] { run(); }) {}

EventLog::~EventLog() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void EventLog::post(Event event) {
    if (event.time == 0) event.time = engine_.now();
    std::lock_guard lock(mutex_);
    if (queue_.size() >= max_queue) {
        ++dropped_;
        return;
    }
    queue_.push_back(std::move(event));
    wake_.notify_one();
}

void EventLog::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        auto events = std::exchange(queue_, {});
        auto dropped = std::exchange(dropped_, 0);
        lock.unlock();
        if (dropped > 0)
            log_.warning(std::to_string(dropped) + " events were dropped: the disk is too slow");
        if (auto done = engine_.append(std::move(events)); !done)
            log_.error("writing events: " + done.error().to_string());
        lock.lock();
    }
}

}  // namespace osiekit::server
