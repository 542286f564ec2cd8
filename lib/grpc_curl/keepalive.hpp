#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

// When to ask a silent peer whether it still lives (HTTP/2 PING, RFC 9113 section 6.7; gRPC's
// doc/keepalive.md). TCP notices a dead machine, but not a program that hangs while its kernel goes
// on answering.
namespace osiekit::rpc {

struct PingTimes {
    // Longer than Tinkerbell's servers hold GetAction, so that they are not pinged in their usual
    // course.
    std::chrono::milliseconds after_silence{75'000};
    // gRPC servers send clients away (ENHANCE_YOUR_CALM) that ping more often than every five
    // minutes; the first ping is free.
    std::chrono::milliseconds interval{330'000};
    std::chrono::milliseconds answer_within{20'000};

    // After ENHANCE_YOUR_CALM, as gRPC's own clients do.
    void calm_down() { interval *= 2; }
};

// Pure: it is told what happened and says what is due.
class Keepalive {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;
    Keepalive(const PingTimes& times, TimePoint now) : times_(times), heard_(now) {}

    // Anything came from the peer: it lives.
    void heard(TimePoint now) {
        heard_ = now;
        waiting_ = false;
    }
    // A ping is on its way.
    void pinged(TimePoint now) {
        pinged_ = now;
        waiting_ = true;
    }

    enum class Due { nothing, ping, give_up };
    Due due(TimePoint now, bool calls_open) const {
        auto when = next(calls_open);
        if (!when || now < *when) return Due::nothing;
        return waiting_ ? Due::give_up : Due::ping;
    }
    // When something is due. Without calls nobody waits for the peer, and nothing ever is.
    std::optional<TimePoint> next(bool calls_open) const {
        if (waiting_) return *pinged_ + times_.answer_within;
        if (!calls_open) return std::nullopt;
        TimePoint quiet = heard_ + times_.after_silence;
        return pinged_ ? std::max(quiet, *pinged_ + times_.interval) : quiet;
    }

  private:
    PingTimes times_;
    TimePoint heard_;
    std::optional<TimePoint> pinged_;
    bool waiting_ = false;
};

}  // namespace osiekit::rpc
