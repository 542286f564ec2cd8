#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// Runs task(0) … task(count-1) on up to `threads` threads. After the first failure no further task
// is begun and `stopping` is true for those that still run. Returns that first failure.
inline Status run_parallel(std::size_t count, std::size_t threads, std::atomic<bool>& stopping,
                           const std::function<Status(std::size_t)>& task) {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::optional<Error> first;
    auto work = [&] {
        for (;;) {
            std::size_t i = next++;
            if (i >= count || stopping) return;
            auto done = task(i);
            if (done) continue;
            std::lock_guard lock(mutex);
            if (!first) first = std::move(done).error();
            stopping = true;
        }
    };
    std::vector<std::thread> crew;
    for (std::size_t i = 1; i < threads && i < count; ++i) crew.emplace_back(work);
    work();
    for (std::thread& thread : crew) thread.join();
    if (first) return std::move(*first);
    return {};
}

}  // namespace osiekit::builder
