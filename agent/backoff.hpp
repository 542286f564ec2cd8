#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace osiekit::agent {

// Pauses between questions: 500 ms, half as much again each time up to the cap, each spread by
// half of itself to both sides so that machines that booted together do not ask together
// (tinkerbell.md 1.4.1).
class Backoff {
  public:
    static constexpr std::chrono::milliseconds first{500};

    // `random` gives numbers in [0, 1).
    Backoff(std::chrono::milliseconds cap, std::function<double()> random)
        : cap_(cap), random_(std::move(random)) {}

    std::chrono::milliseconds next() {
        double spread = 0.5 + random_();
        auto pause = std::chrono::milliseconds(
            static_cast<std::int64_t>(static_cast<double>(current_.count()) * spread));
        current_ = std::min(current_ * 3 / 2, cap_);
        return pause;
    }
    void reset() { current_ = std::min(first, cap_); }

  private:
    std::chrono::milliseconds cap_;
    std::function<double()> random_;
    std::chrono::milliseconds current_ = std::min(first, cap_);
};

}  // namespace osiekit::agent
