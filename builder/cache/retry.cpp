#include "builder/cache/retry.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace osiekit::builder {

bool is_transient_status(long status) {
    return status == 408 || status == 429 || status >= 500;
}

bool pause_for(unsigned milliseconds, const std::function<bool()>& cancelled) {
    constexpr unsigned slice_ms = 50;
    while (milliseconds > 0) {
        if (cancelled && cancelled()) return false;
        unsigned now = std::min(slice_ms, milliseconds);
        std::this_thread::sleep_for(std::chrono::milliseconds(now));
        milliseconds -= now;
    }
    return !(cancelled && cancelled());
}

Status with_retries(const RetryPolicy& policy, const std::function<bool()>& cancelled,
                    const std::function<Status()>& attempt) {
    unsigned pause = policy.first_pause_ms;
    for (unsigned i = 1;; ++i) {
        Status done = attempt();
        if (done || done.error().kind() != ErrorKind::network || i >= policy.attempts) return done;
        if (!pause_for(pause, cancelled)) return Error(ErrorKind::cancelled, "cancelled");
        pause *= 2;
    }
}

}  // namespace osiekit::builder
