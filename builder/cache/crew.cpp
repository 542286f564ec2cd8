#include "builder/cache/crew.hpp"

#include <algorithm>
#include <utility>

namespace osiekit::builder {

Crew::Crew(std::size_t threads, std::uint64_t memory)
    : most_threads_(std::max<std::size_t>(1, threads)), memory_(memory) {}

Crew::~Crew() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Crew::add(std::uint64_t memory, std::function<Status()> job) {
    {
        std::lock_guard lock(mutex_);
        if (closing_) return;
        waiting_.push_back({memory, std::move(job)});
        if (threads_.size() < std::min(most_threads_, running_ + waiting_.size()))
            threads_.emplace_back([this] { work(); });
    }
    changed_.notify_all();
}

bool Crew::may_begin() const {
    if (stopping_ || waiting_.empty()) return false;
    return (running_ == 0 && others_ == 0) ||
           waiting_.front().memory <= memory_ - std::min(memory_, taken_);
}

void Crew::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return closing_ || may_begin(); });
        if (closing_) return;
        Job job = std::move(waiting_.front());
        waiting_.pop_front();
        ++running_;
        taken_ += job.memory;
        lock.unlock();
        Status done = job.run();
        job.run = nullptr;  // what it holds goes before its memory counts as free
        lock.lock();
        --running_;
        taken_ -= job.memory;
        if (!done) {
            // Jobs that end because another one has failed are not the reason.
            if (!failure_ || failure_->kind() == ErrorKind::cancelled)
                failure_ = std::move(done).error();
            stopping_ = true;
        }
        changed_.notify_all();
    }
}

Status Crew::finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return idle(); });
    if (failure_) return *failure_;
    return {};
}

void Crew::take(std::uint64_t memory) {
    std::lock_guard lock(mutex_);
    taken_ += memory;
    others_ += memory;
}

void Crew::give_back(std::uint64_t memory) {
    {
        std::lock_guard lock(mutex_);
        taken_ -= memory;
        others_ -= memory;
    }
    changed_.notify_all();
}

void Crew::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
}

bool Crew::stopping() const {
    std::lock_guard lock(mutex_);
    return stopping_;
}

}  // namespace osiekit::builder
