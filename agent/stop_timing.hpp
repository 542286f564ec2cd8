#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <string_view>

namespace osiekit::agent {

// Between the signal that asks a program to end and SIGKILL.
inline constexpr std::chrono::seconds stop_grace{5};

// What poll(2) is to wait for: until the deadline, at most an hour at a time, -1 without one.
inline int poll_time_until(std::optional<std::chrono::steady_clock::time_point> deadline) {
    if (!deadline) return -1;
    constexpr std::int64_t longest = 3600000;
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, longest));
}

// The image's StopSignal: a name with or without SIG, or a number. SIGTERM for none and for those
// that do not exist.
int stop_signal(std::string_view text);

}  // namespace osiekit::agent
