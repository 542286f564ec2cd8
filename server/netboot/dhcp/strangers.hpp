#pragma once

#include <chrono>
#include <cstddef>
#include <set>

#include "lib/dhcp/address.hpp"

namespace osiekit::netboot {

// Decides which unknown machines are worth an event: each once a minute, and only so many, for
// events may end on a disk that strangers must not fill.
class Strangers {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t largest_count = 20;
    static constexpr std::chrono::seconds period{60};

    bool worth_telling(const MacAddress& mac, Clock::time_point now) {
        if (now - began_ >= period) {
            told_.clear();
            began_ = now;
        }
        return told_.size() < largest_count && told_.insert(mac).second;
    }

  private:
    Clock::time_point began_{};
    std::set<MacAddress> told_;
};

}  // namespace osiekit::netboot
