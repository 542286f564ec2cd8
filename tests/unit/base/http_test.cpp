#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "lib/base/fd.hpp"
#include "lib/http/http_client.hpp"

using namespace osiekit;

namespace {

// Answers each connection with fixed bytes, then closes it: what a broken or honest server puts on
// the wire.
class CannedServer {
  public:
    explicit CannedServer(std::string answer, int connections = 1)
        : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
        REQUIRE(::listen(listener_.get(), 4) == 0);
        REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) ==
                0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this, answer = std::move(answer), connections] {
            for (int i = 0; i < connections; ++i) {
                Fd peer(::accept(listener_.get(), nullptr, nullptr));
                std::array<char, 4096> request;
                ssize_t n = ::read(peer.get(), request.data(), request.size());
                if (n > 0) last_request.assign(request.data(), static_cast<std::size_t>(n));
                [[maybe_unused]] ssize_t written =
                    ::write(peer.get(), answer.data(), answer.size());
            }
        });
    }
    ~CannedServer() { join(); }
    void join() {
        if (thread_.joinable()) thread_.join();
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/x"; }
    std::string last_request;

  private:
    Fd listener_;
    std::thread thread_;
    int port_ = 0;
};

http::Request get(std::string url) {
    http::Request request;
    request.url = std::move(url);
    return request;
}

}  // namespace

TEST_CASE("a body, its status and its headers arrive") {
    CannedServer server(
        "HTTP/1.1 404 Gone Fishing\r\nX-Thing: yes \r\nContent-Length: 3\r\n\r\nabc");
    auto response = http::Client().perform(get(server.url())).value();
    REQUIRE(response.status == 404);
    REQUIRE(response.headers["x-thing"] == "yes");
    REQUIRE(response.body == "abc");
}

TEST_CASE("a body cut short is an error, not a shorter body") {
    CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    auto failed = http::Client().perform(get(server.url()));
    REQUIRE_FALSE(failed);
    REQUIRE(failed.error().kind() == ErrorKind::network);
}

TEST_CASE("a body at the limit is taken and one above it is refused") {
    for (int limit : {5, 4}) {
        CannedServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
        auto request = get(server.url());
        request.body_limit = static_cast<std::uint64_t>(limit);
        auto answer = http::Client().perform(request);
        REQUIRE(answer.ok() == (limit == 5));
        if (!answer) REQUIRE(answer.error().kind() == ErrorKind::limit);
    }
}

TEST_CASE("the caller's error ends a streamed body; ranges are asked for") {
    CannedServer server("HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nabcde");
    auto request = get(server.url());
    request.range_start = 7;
    request.on_body = [](std::string_view) -> Status {
        return Error(ErrorKind::digest, "not these bytes");
    };
    auto failed = http::Client().perform(request);
    server.join();
    REQUIRE(failed.error().kind() == ErrorKind::digest);
    REQUIRE(server.last_request.find("Range: bytes=7-") != std::string::npos);
}

TEST_CASE("nobody there, and protocols other than HTTP") {
    REQUIRE(http::Client().perform(get("http://127.0.0.1:1/")).error().kind() ==
            ErrorKind::network);
    REQUIRE_FALSE(http::Client().perform(get("file:///etc/passwd")));
}
