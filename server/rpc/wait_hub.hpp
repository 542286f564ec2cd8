#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/workflow/engine.hpp"

namespace osiekit::server {

// Something that waits for a change: a held GetAction, a follower of the event log. All are owned
// by their reactors; the hub borrows them between add() and remove().
class Waiting {
  public:
    virtual ~Waiting() = default;
    // A change became durable. Called from the hub's thread, never twice at the same time for one
    // object.
    virtual void changed(const Change& change) = 0;
    // `deadline` came; the hub has forgotten the object already.
    virtual void expired() {}
    // The server stops; the hub has forgotten the object already.
    virtual void stopping() = 0;
};

// Wakes those who wait, from one thread however many there are: upon each change, at deadlines, and
// when the server stops. Thousands of held calls cost no thread each.
class WaitHub {
  public:
    // `every_second` is run about once a second on the same thread.
    explicit WaitHub(std::function<void()> every_second);
    ~WaitHub();
    WaitHub(const WaitHub&) = delete;
    WaitHub& operator=(const WaitHub&) = delete;

    // `hold` of zero: no deadline. False if the hub has stopped: nothing will be called.
    bool add(const std::shared_ptr<Waiting>& waiting, std::chrono::milliseconds hold);
    // True if it was there: from now on no new call of its functions begins.
    bool remove(const Waiting* waiting);
    void notify(const Change& change);
    // Ends everybody's waiting and the thread. Idempotent; not from a Waiting.
    void stop();

  private:
    struct Entry {
        std::shared_ptr<Waiting> waiting;
        std::chrono::steady_clock::time_point deadline;
    };
    void run();
    void pass_on(std::unique_lock<std::mutex>& lock);
    void expire(std::unique_lock<std::mutex>& lock);

    std::function<void()> every_second_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<const Waiting*, Entry> entries_;
    std::vector<std::shared_ptr<Waiting>> fresh_;  // not yet told of what changed before add()
    Change pending_;                               // what has not been passed on yet
    bool notified_ = false;
    bool stopped_ = false;
    std::thread thread_;
};

}  // namespace osiekit::server
