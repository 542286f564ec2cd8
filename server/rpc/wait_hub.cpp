#include "server/rpc/wait_hub.hpp"

namespace osiekit::server {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::seconds tick{1};

}  // namespace

WaitHub::WaitHub(std::function<void()> every_second)
    : every_second_(std::move(every_second)), thread_([this] { run(); }) {}

WaitHub::~WaitHub() {
    stop();
}

bool WaitHub::add(const std::shared_ptr<Waiting>& waiting, std::chrono::milliseconds hold) {
    std::lock_guard lock(mutex_);
    if (stopped_) return false;
    auto deadline = hold.count() == 0 ? SteadyClock::time_point::max() : SteadyClock::now() + hold;
    entries_[waiting.get()] = {waiting, deadline};
    // Looks once at what changed between its caller's look and now.
    fresh_.push_back(waiting);
    wake_.notify_one();
    return true;
}

bool WaitHub::remove(const Waiting* waiting) {
    std::lock_guard lock(mutex_);
    return entries_.erase(waiting) > 0;
}

void WaitHub::notify(const Change& change) {
    std::lock_guard lock(mutex_);
    pending_.only_logs = change.only_logs && (!notified_ || pending_.only_logs);
    pending_.everybody = pending_.everybody || change.everybody;
    pending_.logs.insert(change.logs.begin(), change.logs.end());
    pending_.agents.insert(change.agents.begin(), change.agents.end());
    notified_ = true;
    wake_.notify_one();
}

void WaitHub::stop() {
    std::vector<std::shared_ptr<Waiting>> left;
    {
        std::lock_guard lock(mutex_);
        stopped_ = true;
        wake_.notify_one();
        for (auto& [key, entry] : entries_) left.push_back(std::move(entry.waiting));
        entries_.clear();
        fresh_.clear();
    }
    for (const auto& waiting : left) waiting->stopping();
    if (thread_.joinable()) thread_.join();
}

void WaitHub::expire(std::unique_lock<std::mutex>& lock) {
    std::vector<std::shared_ptr<Waiting>> over;
    auto now = SteadyClock::now();
    for (auto it = entries_.begin(); it != entries_.end();) {
        if (it->second.deadline > now) {
            ++it;
            continue;
        }
        over.push_back(std::move(it->second.waiting));
        it = entries_.erase(it);
    }
    lock.unlock();
    for (const auto& waiting : over) waiting->expired();
    lock.lock();
}

void WaitHub::pass_on(std::unique_lock<std::mutex>& lock) {
    auto fresh = std::exchange(fresh_, {});
    std::erase_if(fresh, [this](const auto& one) { return !entries_.contains(one.get()); });
    Change change = std::exchange(pending_, Change());
    std::vector<std::shared_ptr<Waiting>> all;
    if (std::exchange(notified_, false))
        for (const auto& [key, entry] : entries_) all.push_back(entry.waiting);
    lock.unlock();
    for (const auto& waiting : all) waiting->changed(change);
    const Change anything{true, {}, false, {}};
    for (const auto& waiting : fresh) waiting->changed(anything);
    lock.lock();
}

void WaitHub::run() {
    auto next_tick = SteadyClock::now() + tick;
    std::unique_lock lock(mutex_);
    while (!stopped_) {
        wake_.wait_until(lock, next_tick,
                         [this] { return notified_ || stopped_ || !fresh_.empty(); });
        if (stopped_) return;
        if (notified_ || !fresh_.empty()) pass_on(lock);
        if (SteadyClock::now() < next_tick) continue;
        next_tick = SteadyClock::now() + tick;
        expire(lock);
        lock.unlock();
        if (every_second_) every_second_();
        lock.lock();
    }
}

}  // namespace osiekit::server
