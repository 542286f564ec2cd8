#include "builder/cache/crew.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <thread>

using namespace osiekit;
using namespace osiekit::builder;

namespace {

// What runs at the same time, and the most that ever did.
class Tally {
  public:
    void begin(std::uint64_t memory) {
        std::lock_guard lock(mutex_);
        most_jobs = std::max(most_jobs, ++jobs_);
        most_memory = std::max(most_memory, memory_ += memory);
        ++begun;
    }
    void end(std::uint64_t memory) {
        std::lock_guard lock(mutex_);
        --jobs_;
        memory_ -= memory;
    }
    std::size_t most_jobs = 0;
    std::uint64_t most_memory = 0;
    std::size_t begun = 0;

  private:
    std::mutex mutex_;
    std::size_t jobs_ = 0;
    std::uint64_t memory_ = 0;
};

// Lets others begin meanwhile, if they may.
void stay() {
    for (int i = 0; i < 200; ++i) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a crew runs every job, within its threads and its memory") {
    constexpr std::size_t threads = 3;
    constexpr std::uint64_t memory = 100;
    constexpr std::size_t jobs = 200;
    Tally tally;
    Crew crew(threads, memory);
    for (std::size_t i = 0; i < jobs; ++i) {
        std::uint64_t wanted = i % 61;
        crew.add(wanted, [&tally, wanted]() -> Status {
            tally.begin(wanted);
            stay();
            tally.end(wanted);
            return {};
        });
    }
    CHECK(crew.finish());
    CHECK(tally.begun == jobs);
    CHECK(tally.most_jobs <= threads);
    CHECK(tally.most_memory <= memory);
    CHECK_FALSE(crew.stopping());
}

TEST_CASE("jobs of a crew run at the same time") {
    Crew crew(2, 10);
    std::promise<void> first;
    std::promise<void> second;
    // Each waits for the other.
    crew.add(5, [&]() -> Status {
        first.set_value();
        second.get_future().wait();
        return {};
    });
    crew.add(5, [&]() -> Status {
        second.set_value();
        first.get_future().wait();
        return {};
    });
    CHECK(crew.finish());
}

TEST_CASE("a job that wants more memory than a crew has runs alone") {
    Tally tally;
    Crew crew(4, 100);
    for (std::uint64_t wanted : {50, 1000, 50, 2000})
        crew.add(wanted, [&tally, wanted]() -> Status {
            tally.begin(wanted);
            stay();
            tally.end(wanted);
            return {};
        });
    CHECK(crew.finish());
    CHECK(tally.begun == 4);
    CHECK(tally.most_memory == 2000);
}

TEST_CASE("after a failure a crew begins nothing and tells those that run") {
    Crew crew(2, 100);
    std::promise<void> failed;
    std::atomic<bool> told{false};
    std::atomic<int> later{0};
    crew.add(0, [&]() -> Status {
        failed.get_future().wait();
        while (!crew.stopping()) std::this_thread::yield();
        told = true;
        return Error(ErrorKind::cancelled, "interrupted");
    });
    crew.add(0, [&]() -> Status {
        failed.set_value();
        return Error(ErrorKind::digest, "damaged");
    });
    auto done = crew.finish();
    crew.add(0, [&]() -> Status {
        ++later;
        return {};
    });
    CHECK_FALSE(crew.finish());
    REQUIRE_FALSE(done);
    CHECK(done.error().message() == "damaged");
    CHECK(told);
    CHECK(later == 0);
}

TEST_CASE("a crew waits for the jobs that jobs add, and drops what waits when it ends") {
    std::atomic<int> count{0};
    std::shared_ptr<int> held = std::make_shared<int>(1);
    std::weak_ptr<int> watch = held;
    {
        Crew crew(1, 100);
        crew.add(0, [&]() -> Status {
            crew.add(0, [&]() -> Status {
                ++count;
                return {};
            });
            return {};
        });
        CHECK(crew.finish());
        CHECK(count == 1);
        crew.stop();
        crew.add(0, [&, held]() -> Status {
            ++count;
            return {};
        });
        held.reset();
        CHECK_FALSE(watch.expired());
    }
    CHECK(count == 1);
    CHECK(watch.expired());
}
