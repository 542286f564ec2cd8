#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/grpc_curl/keepalive.hpp"
#include "lib/grpc_curl/status.hpp"
#include "lib/grpc_curl/wire.hpp"

namespace osiekit::rpc {

struct ChannelOptions {
    std::string target;  // HOST:PORT or [IPV6]:PORT
    bool tls = false;
    bool insecure_tls = false;  // do not check the server's certificate
    std::string ca_pem;    // certificates to trust instead of the system's; empty: the system's
    std::string proxy;     // URL of an HTTP proxy that is asked to CONNECT; empty: none
    std::string no_proxy;  // hosts that are reached directly, comma-separated
    std::size_t max_message_bytes = default_max_message_bytes;
    std::chrono::milliseconds connect_timeout{10000};
    PingTimes ping;
};

struct CallOptions {
    // From the start to the end of the call; told to the server, too. None: as long as it takes.
    std::optional<std::chrono::milliseconds> timeout;
    std::vector<std::pair<std::string, std::string>> metadata;  // names in lower case, ASCII values
    bool survives_shut_down = false;                            // ends with the channel instead
};

class CallState;

// One call, made by Channel::start. write and close_writes may be used by one thread while another
// reads; cancel by any. Letting go of it cancels it. It must not outlive its channel.
class Call {
  public:
    Call(std::shared_ptr<CallState> state, std::size_t max_message_bytes);
    Call(Call&&) noexcept = default;
    Call& operator=(Call&&) = delete;
    ~Call();

    // Waits while much is queued. False: the call is over, or the message is larger than the limit
    // (then the call ends with resource_exhausted).
    bool write(std::string_view message);
    void close_writes();
    // The next message of the server, waited for; nullopt: the call is over.
    std::optional<std::string> read();
    // Waits for the end.
    RpcStatus finish();
    void cancel();

  private:
    std::shared_ptr<CallState> state_;
    std::size_t max_message_bytes_;
};

// A connection to one server, made when the first call needs it and again when it was lost, by
// one thread of its own, which sleeps while nothing happens. Calls at the same time share it.
//
// A connection whose peer does not answer (killed machine, pulled cable) is given up after about
// 20 s, by TCP_USER_TIMEOUT and TCP keepalive; one to a program that hangs, by HTTP/2 PING
// (keepalive.hpp). Its calls end with `unavailable`. A server that is pinged too often for its
// taste is pinged half as often from then on. The HTTP proxy of the environment is not used.
class Channel {
  public:
    static constexpr std::chrono::seconds keepalive_idle{10};
    static constexpr std::chrono::seconds keepalive_interval{5};
    static constexpr std::chrono::seconds peer_dead_after{20};

    // Connects to nothing yet. Errors: invalid_input for a target that is not HOST:PORT.
    static Result<std::unique_ptr<Channel>> create(ChannelOptions options);
    // Cancels what is under way.
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // `path` is "/package.Service/Method".
    Call start(const std::string& path, const CallOptions& options = {});
    // One message there, one back.
    RpcStatus unary(const std::string& path, std::string_view request, std::string& response,
                    const CallOptions& options = {});
    // Cancels the calls under way and every later one, but for those that survive it. One of these
    // that is connecting may end as `unavailable`.
    void shut_down();

  private:
    explicit Channel(ChannelOptions options);
    class Loop;
    std::unique_ptr<Loop> loop_;
};

// The host and port of HOST:PORT or [IPV6]:PORT; nullopt for anything else.
std::optional<std::pair<std::string, std::uint16_t>> split_target(std::string_view target);

}  // namespace osiekit::rpc
