#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/base/log.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

// Takes events from threads that must not wait for the disk (a DHCP answer does not wait for
// fsync) and appends them from a thread of its own, all that came meanwhile in one transaction.
// What is still queued at kill -9 is lost: nobody was told that it is safe.
class EventLog {
  public:
    static constexpr std::size_t max_queue = 10'000;  // beyond it events are dropped and counted

    // Both must outlive the log.
    EventLog(Engine& engine, const Logger& log);
    ~EventLog();  // writes what is queued
    EventLog(const EventLog&) = delete;
    EventLog& operator=(const EventLog&) = delete;

    // Never blocks for long; any thread.
    void post(Event event);

  private:
    void run();

    Engine& engine_;
    const Logger& log_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Event> queue_;
    std::size_t dropped_ = 0;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace osiekit::server
