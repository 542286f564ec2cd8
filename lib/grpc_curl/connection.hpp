#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "lib/grpc_curl/call_state.hpp"
#include "lib/grpc_curl/keepalive.hpp"
#include "lib/grpc_curl/metadata.hpp"
#include "lib/grpc_curl/transport.hpp"

struct nghttp2_session;

namespace osiekit::rpc {

using Clock = std::chrono::steady_clock;

// A call that the channel's thread has been told of.
struct Order {
    std::string path;
    CallOptions options;
    std::optional<Clock::time_point> deadline;
    std::shared_ptr<CallState> state;
};

// One HTTP/2 connection with its calls, on nghttp2. Used by one thread, which polls fd().
class Connection {
  public:
    // Until the server's side has consumed as much, it may send on; see also CallState.
    static constexpr int stream_window_bytes = 1 << 20;
    static constexpr int connection_window_bytes = 8 << 20;

    Connection(const ChannelOptions& options, const PingTimes& ping,
               std::unique_ptr<Transport> transport);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    // Calls that are not over end as `unavailable`.
    ~Connection();

    void start(const Order& order);
    // Reads and writes what can be without waiting, ends calls that were cancelled or are late.
    // False: the connection is of no use any more.
    bool work();
    // The server does not want more calls here (GOAWAY); those under way go on.
    bool draining() const { return draining_; }
    // It has said that it is pinged too often.
    bool told_to_calm() const { return told_to_calm_; }
    int fd() const { return transport_->fd(); }
    bool wants_to_write() const { return !unsent_.empty(); }
    std::optional<Clock::time_point> next_deadline() const;

  private:
    struct Stream {
        std::shared_ptr<CallState> state;
        std::optional<Clock::time_point> deadline;
        ResponseMetadata metadata;
        MessageDecoder decoder;
        std::size_t unconsumed = 0;  // bytes whose window is held back from the server
        bool deferred = false;       // nothing to send at the moment
    };
    struct Callbacks;

    Status receive();
    Status send();
    void tend_streams();
    Status tend_peer();
    void fail(std::int32_t id, Stream& stream, RpcStatus status);
    void stream_ended(Stream& stream, std::uint32_t error_code);

    const ChannelOptions& options_;
    std::unique_ptr<Transport> transport_;
    nghttp2_session* session_ = nullptr;
    std::map<std::int32_t, Stream> streams_;
    std::string unsent_;
    std::string reason_ = "the connection was closed";
    Keepalive keepalive_;
    bool draining_ = false;
    bool told_to_calm_ = false;
    bool got_settings_ = false;
};

}  // namespace osiekit::rpc
