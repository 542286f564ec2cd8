#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// Jobs on a bounded number of threads and within a bounded amount of memory, which each job states
// itself. They begin in the order in which they were added; the next one waits while those that run
// leave too little memory for it, and a job that wants more than there is runs alone. Thread safe.
class Crew {
  public:
    // `memory` in bytes.
    Crew(std::size_t threads, std::uint64_t memory);
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    // As stop(), and waits for the jobs that run.
    ~Crew();

    // A job may add others.
    void add(std::uint64_t memory, std::function<Status()> job);
    // Waits until every job has ended or, after a failure, those that run. The first failure.
    Status finish();
    // Memory that somebody else takes meanwhile, who waits for no job.
    void take(std::uint64_t memory);
    void give_back(std::uint64_t memory);
    // No further job is begun.
    void stop();
    // True after stop() and after the first failure: jobs that run should end soon.
    bool stopping() const;

  private:
    struct Job {
        std::uint64_t memory = 0;
        std::function<Status()> run;
    };
    void work();
    bool may_begin() const;
    bool idle() const { return running_ == 0 && (stopping_ || waiting_.empty()); }

    const std::size_t most_threads_;
    const std::uint64_t memory_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> waiting_;
    std::vector<std::thread> threads_;
    std::size_t running_ = 0;
    std::uint64_t taken_ = 0;   // memory of the jobs that run, and of others
    std::uint64_t others_ = 0;  // of that, what is not of jobs
    bool stopping_ = false;
    bool closing_ = false;  // threads end when they find nothing to do
    std::optional<Error> failure_;
};

}  // namespace osiekit::builder
