#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "lib/base/result.hpp"
#include "server/netboot/http/content.hpp"

namespace osiekit::netboot::web {

constexpr std::size_t largest_head = 16 << 10;  // all header fields with their line ends
constexpr unsigned largest_connection_count = 2048;
constexpr std::chrono::seconds idle_limit{120};  // between requests; iPXE keeps one connection
constexpr std::chrono::seconds stall_limit{60};  // while nothing can be sent

// What became of a body.
struct Delivery {
    int status = 0;
    std::uint64_t bytes = 0;  // of the body, that the kernel took
    bool complete = false;
    std::chrono::milliseconds took{0};
};

// HTTP/1.1 on Boost.Asio with threads of its own: GET and HEAD, keep-alive, ranges, sendfile(2).
class Server {
  public:
    struct Options {
        Ipv4 address;
        std::uint16_t port = 0;
        unsigned threads = 2;
    };
    // Both run on the server's threads, several at once.
    using Route = std::function<Reply(const HttpQuery&)>;
    using Delivered = std::function<void(const HttpQuery&, const Delivery&)>;

    // Listens; connections wait until start().
    static Result<std::unique_ptr<Server>> open(const Options& options);
    void start(Route route, Delivered delivered);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    std::uint16_t port() const;
    // Breaks off what is being sent.
    void stop();

  private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::netboot::web
