#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/grpc_curl/channel.hpp"

namespace osiekit::rpc {

// A connected stream of bytes to the server, made by libcurl: names, proxies, TLS with the
// certificate checked and ALPN "h2". Used by one thread.
class Transport {
  public:
    // Waits until it is connected, at most for `timeout`; gives up within a second when `give_up`
    // becomes true. Errors: network.
    static Result<std::unique_ptr<Transport>> connect(const ChannelOptions& options,
                                                      std::chrono::milliseconds timeout,
                                                      const std::atomic<bool>& give_up);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    int fd() const { return fd_; }
    // The bytes that were taken or given; 0: none for now. Errors: network, also at the end of the
    // stream.
    Result<std::size_t> send(std::string_view bytes);
    Result<std::size_t> receive(char* target, std::size_t size);

  private:
    explicit Transport(void* handle) : handle_(handle) {}
    void* handle_;
    int fd_ = -1;
};

}  // namespace osiekit::rpc
