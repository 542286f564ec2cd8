#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "agent/stop_signal.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::agent {

// Where remote logs go: "HOST", "udp://HOST[:PORT]" or "tcp://HOST[:PORT]".
struct SyslogTarget {
    std::string host;
    std::string port;
    bool tcp = false;
};
// Kind invalid_input for anything else. `default_port` stands where the text has none.
Result<SyslogTarget> parse_syslog_target(std::string_view text, std::uint16_t default_port);

struct SyslogMessage {
    std::string_view time;      // RFC 3339
    bool error = false;         // severity error, else informational
    std::string_view hostname;  // each of these becomes "-" if nothing printable is left
    std::string_view app_name;
    std::string_view text;
};
// The message as RFC 5424 has it (section 6), facility daemon, without framing.
std::string format_syslog(const SyslogMessage& message);

// Sends messages on a thread of its own: over UDP one a datagram (RFC 5426), over TCP with the
// octets counted (RFC 6587, section 3.4.1). send() never waits. A peer that does not take them, or
// does not exist, costs the oldest of those that wait; how many is told when it takes some again.
class SyslogSender {
  public:
    static constexpr std::size_t max_waiting_bytes = 8U << 20U;

    explicit SyslogSender(SyslogTarget target);
    SyslogSender(const SyslogSender&) = delete;
    SyslogSender& operator=(const SyslogSender&) = delete;
    ~SyslogSender();

    void send(const SyslogMessage& message);
    // Gives what waits one more second, and takes nothing more. The number of messages that were
    // not sent, and of which the receiver does not know.
    std::uint64_t finish();

  private:
    void work();
    std::string take();
    Fd connect() const;
    bool deliver(int fd, std::string_view bytes) const;
    bool wait_for(int fd, short events) const;

    SyslogTarget target_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t in_hand_ = 0;  // messages that the one which is being sent stands for
    std::uint64_t lost_ = 0;     // which the receiver is not told of
    bool ending_ = false;
    StopSignal give_up_;
    std::thread thread_;
};

}  // namespace osiekit::agent
