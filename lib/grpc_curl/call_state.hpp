#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "lib/grpc_curl/status.hpp"
#include "lib/grpc_curl/wire.hpp"

namespace osiekit::rpc {

// What the thread of a caller and the channel's thread share of one call: messages on their way in
// both directions, and how it ended. Every function may be called from any thread.
class CallState {
  public:
    // A writer waits, and the server is slowed down, while more than this is under way.
    static constexpr std::size_t max_queued_bytes = 1U << 20U;

    // For callers.
    // Waits for room; false: the call is over.
    bool queue(std::string framed);
    void close_writes();
    // Waits; nullopt: there will be no more.
    std::optional<std::string> next_message();
    RpcStatus wait();
    bool over() const;

    // For the channel's thread.
    enum class Give { bytes, pause, end };
    // Copies up to `size` bytes that are to be sent.
    Give take(char* target, std::size_t size, std::size_t& copied);
    // False: the reader is behind; the server should be slowed down.
    bool has_room() const;
    void deliver(std::string message);
    bool something_to_send() const;
    // The first end counts.
    void end(RpcStatus status);

    // Told when the channel's thread should look again; set before the call starts.
    std::function<void()> wake;

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string outgoing_;
    std::size_t sent_ = 0;  // of outgoing_
    bool writes_closed_ = false;
    std::deque<std::string> incoming_;
    std::size_t incoming_bytes_ = 0;
    std::optional<RpcStatus> status_;
};

}  // namespace osiekit::rpc
