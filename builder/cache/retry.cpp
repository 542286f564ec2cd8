#include "builder/cache/retry.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {
constexpr std::uint64_t milliseconds_a_second = 1000;
}

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

RetryAfter retry_after(const http::Response& response) {
    auto header = [&](const char* name) {
        auto found = response.headers.find(name);
        return found == response.headers.end() ? std::string() : found->second;
    };
    std::string text = header("retry-after");
    if (text.empty()) return std::nullopt;
    if (auto seconds = parse_u64(text)) return seconds;
    auto until = http::parse_date(text);
    auto now = http::parse_date(header("date"));
    if (!until || !now) return std::nullopt;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, *until - *now));
}

Status with_retries(const RetryPolicy& policy, const std::function<bool()>& cancelled,
                    const std::function<Status(RetryAfter& asked)>& attempt) {
    std::uint64_t pause = policy.first_pause_ms;
    for (unsigned i = 1;; ++i) {
        RetryAfter asked;
        Status done = attempt(asked);
        if (done || done.error().kind() != ErrorKind::network) return done;
        if (asked.value_or(0) > policy.longest_pause_s)
            return std::move(done).error().hint("the server asks to be left alone for " +
                                                std::to_string(*asked) + " seconds");
        if (i >= policy.attempts)
            return std::move(done).error().hint(
                "look after the network, its proxies and the mirror, or name another mirror; with "
                "--offline a build takes what the cache has");
        std::uint64_t wait = std::max(pause, asked.value_or(0) * milliseconds_a_second);
        if (!policy.pause(static_cast<unsigned>(wait), cancelled))
            return Error(ErrorKind::cancelled, "cancelled");
        pause *= 2;
    }
}

}  // namespace osiekit::builder
