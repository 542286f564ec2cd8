#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/netboot/tftp/packet.hpp"

namespace osiekit::netboot::tftp {

using Clock = std::chrono::steady_clock;

// Sends one datagram made of two pieces, so that file bytes are never copied here.
using Send = std::function<void(std::string_view head, std::string_view body)>;

// Without the timeout option: 0.5, 1, 2, 4, 8 s, then given up.
constexpr unsigned largest_retry_count = 5;
constexpr std::chrono::milliseconds first_retry_delay{500};

// One file on its way to one client, as a state machine: datagrams and the time come in, datagrams
// go out through Send. Never answers a duplicate ACK with DATA at window size 1 (the Sorcerer's
// Apprentice of RFC 1123 4.2.3.1); at larger windows once, as RFC 7440 section 4 wants lost blocks
// resent.
class Transfer {
  public:
    enum class State { active, done, failed };

    // `largest_block` is what fits the interface's MTU. `content` must not change.
    Transfer(std::shared_ptr<const std::string> content, const ReadRequest& request,
             std::uint32_t largest_block);

    // The first answer: OACK when options were agreed on, else the first block.
    void begin(Clock::time_point now, const Send& send);
    void on_ack(std::uint16_t block, Clock::time_point now, const Send& send);
    // To be called at deadline() or later.
    void on_timer(Clock::time_point now, const Send& send);

    State state() const { return state_; }
    Clock::time_point deadline() const { return deadline_; }
    bool was_acknowledged() const { return heard_; }
    std::uint64_t acknowledged_blocks() const { return acknowledged_; }
    std::uint64_t block_count() const { return block_count_; }
    std::uint32_t block_size() const { return block_size_; }
    std::uint32_t window_size() const { return window_; }

  private:
    void send_window(Clock::time_point now, const Send& send);
    void arm(Clock::time_point now);

    std::shared_ptr<const std::string> content_;
    std::uint32_t block_size_ = default_block_size;
    std::uint32_t window_ = 1;
    std::chrono::milliseconds fixed_timeout_{0};
    std::string oack_;  // empty: no options agreed on
    bool oack_pending_ = false;
    bool heard_ = false;
    bool gap_answered_ = false;
    std::uint64_t block_count_ = 0;
    std::uint64_t acknowledged_ = 0;  // blocks; the wire carries the low 16 bits (rollover to 0)
    std::uint64_t sent_ = 0;
    unsigned retries_ = 0;
    Clock::time_point deadline_;
    State state_ = State::active;
};

}  // namespace osiekit::netboot::tftp
