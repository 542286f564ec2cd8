#include "server/netboot/http/server.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lib/http/http_client.hpp"
#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;

namespace {

// Larger than any socket buffer, so that sendfile has to wait for the reader.
constexpr std::size_t large_size = 24 << 20;

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 13 + i / 4099);
    return text;
}

struct Fixture {
    TempDir folder = TempDir::create().value();
    std::unique_ptr<web::Server> server = web::Server::open({test::loopback, 0, 2}).value();

    Fixture() {
        REQUIRE(write_file(folder / "large", pattern(large_size)));
        REQUIRE(write_file(folder / "empty", ""));
        server->start([this](const HttpQuery& query) { return route(query); }, {});
    }
    web::Reply route(const HttpQuery& query) const {
        if (query.path == "/throw") throw std::runtime_error("secret");
        if (query.path == "/memory")
            return web::memory_content(std::make_shared<const std::string>("0123456789"));
        if (query.path == "/headers") {
            auto answer = web::plain_answer(200, "x");
            answer.headers = {{"X-Good", "yes"}, {"X-Bad", "a\r\nX-Injected: 1"}};
            return answer;
        }
        auto content = web::open_content(folder.path(), query.path.substr(1));
        if (!content) return web::plain_answer(404, "no such file");
        return std::move(content).value();
    }
    http::Response get(const std::string& path, const std::string& range = {}) const {
        http::Request request;
        request.url = "http://127.0.0.1:" + std::to_string(server->port()) + path;
        request.body_limit = large_size;
        if (!range.empty()) request.headers.push_back("Range: " + range);
        return http::Client().perform(request).value();
    }
};

// A connection on which bytes are sent as they are.
class RawConnection {
  public:
    explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in peer{};
        peer.sin_family = AF_INET;
        peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        peer.sin_port = htons(port);
        REQUIRE(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) == 0);
    }
    void send(std::string_view bytes) { REQUIRE(write_all(socket_.get(), bytes)); }
    // Up to the end of the connection.
    std::string rest() {
        ::shutdown(socket_.get(), SHUT_WR);
        return read_all(socket_.get()).value();
    }
    std::string some() {
        std::array<char, 4096> buffer;
        auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        REQUIRE(n >= 0);
        return {buffer.data(), static_cast<std::size_t>(n)};
    }

  private:
    Fd socket_;
};

std::string talk(const Fixture& fixture, std::string_view bytes) {
    RawConnection connection(fixture.server->port());
    connection.send(bytes);
    return connection.rest();
}

bool begins(const std::string& text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

}  // namespace

TEST_CASE("a large file arrives whole and in parts") {
    Fixture fixture;
    const auto expected = pattern(large_size);
    auto whole = fixture.get("/large");
    CHECK(whole.status == 200);
    CHECK((whole.body == expected));  // not to be printed
    CHECK(whole.headers["accept-ranges"] == "bytes");
    CHECK(whole.headers.count("last-modified") == 1);
    auto part = fixture.get("/large", "bytes=1000000-20000000");
    CHECK(part.status == 206);
    CHECK((part.body == expected.substr(1000000, 19000001)));
    CHECK(part.headers["content-range"] == "bytes 1000000-20000000/" + std::to_string(large_size));
    CHECK(fixture.get("/large", "bytes=-5").body == expected.substr(large_size - 5));
    auto beyond = fixture.get("/large", "bytes=99999999-");
    CHECK(beyond.status == 416);
    CHECK(beyond.headers["content-range"] == "bytes */" + std::to_string(large_size));
}

TEST_CASE("memory, an empty file, and what is not there") {
    Fixture fixture;
    CHECK(fixture.get("/memory").body == "0123456789");
    CHECK(fixture.get("/memory", "bytes=2-4").body == "234");
    CHECK(fixture.get("/empty").status == 200);
    CHECK(fixture.get("/empty").body.empty());
    CHECK(fixture.get("/missing").status == 404);
}

TEST_CASE("several requests on one connection, HEAD among them") {
    Fixture fixture;
    auto text = talk(fixture,
                     "HEAD /large HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n"
                     "GET /memory HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n"
                     "GET /memory HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(begins(text, "HTTP/1.1 200 OK\r\n"));
    CHECK(text.find("Content-Length: " + std::to_string(large_size)) != std::string::npos);
    CHECK(text.find("\r\n\r\nHTTP/1.1 206 Partial Content\r\n") != std::string::npos);
    CHECK(text.find("\r\n\r\n01HTTP/1.1 200 OK\r\n") != std::string::npos);
    CHECK(text.substr(text.size() - 14) == "\r\n\r\n0123456789");
}

TEST_CASE("HTTP/1.0 without keep-alive ends the connection") {
    Fixture fixture;
    RawConnection connection(fixture.server->port());
    connection.send("GET /memory HTTP/1.0\r\n\r\n");
    std::string text;
    for (auto piece = connection.some(); !piece.empty(); piece = connection.some()) text += piece;
    CHECK(begins(text, "HTTP/1.1 200"));
    CHECK(text.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("bad requests get their answer and no more") {
    Fixture fixture;
    CHECK(begins(talk(fixture, "POST /memory HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
                 "HTTP/1.1 405"));
    CHECK(begins(talk(fixture, "GET /memory HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
                 "HTTP/1.1 413"));
    CHECK(begins(talk(fixture, "hello\r\n\r\n"), "HTTP/1.1 400"));
    CHECK(begins(talk(fixture, "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 400"));
    CHECK(begins(talk(fixture, "GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
                 "HTTP/1.1 400"));
    CHECK(talk(fixture, "").empty());
    CHECK(talk(fixture, "GET /memory HT").empty());
    CHECK(fixture.get("/memory").status == 200);
}

TEST_CASE("headers up to the limit are read, more are refused") {
    Fixture fixture;
    const std::string line = "GET /memory HTTP/1.1\r\n";
    const std::string fields = "Host: x\r\nX: ";
    const std::string head = line + fields;
    const std::string end = "\r\n\r\n";
    const auto room = web::largest_head - fields.size() - 2;  // without the empty line
    CHECK(begins(talk(fixture, head + std::string(room, 'a') + end), "HTTP/1.1 200"));
    RawConnection connection(fixture.server->port());
    connection.send(head + std::string(room + 1, 'a') + end);
    CHECK(begins(connection.some(), "HTTP/1.1 431"));
}

TEST_CASE("a handler that throws is a 500 without details") {
    Fixture fixture;
    auto answer = fixture.get("/throw");
    CHECK(answer.status == 500);
    CHECK(answer.body.find("secret") == std::string::npos);
}

TEST_CASE("a handler's header cannot add another") {
    Fixture fixture;
    auto answer = fixture.get("/headers");
    CHECK(answer.headers["x-good"] == "yes");
    CHECK(answer.headers.count("x-injected") == 0);
}

TEST_CASE("many readers at once") {
    Fixture fixture;
    const auto expected = pattern(large_size);
    std::vector<std::string> bodies(8);
    std::vector<std::thread> readers;
    for (auto& body : bodies)
        readers.emplace_back([&] {
            http::Request request;
            request.url = "http://127.0.0.1:" + std::to_string(fixture.server->port()) + "/large";
            request.body_limit = large_size;
            auto answer = http::Client().perform(request);
            if (answer) body = std::move(answer->body);
        });
    for (auto& reader : readers) reader.join();
    for (const auto& body : bodies) CHECK((body == expected));
}

TEST_CASE("a client that hangs up in the middle does no harm, nor does stopping then") {
    Fixture fixture;
    for (int i = 0; i < 3; ++i) {
        RawConnection connection(fixture.server->port());
        connection.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_FALSE(connection.some().empty());
    }
    RawConnection slow(fixture.server->port());
    slow.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_FALSE(slow.some().empty());
    fixture.server->stop();
    fixture.server->stop();
}

TEST_CASE("a port in use is an error that says so") {
    Fixture fixture;
    auto second = web::Server::open({test::loopback, fixture.server->port(), 1});
    REQUIRE_FALSE(second);
    CHECK(second.error().to_string().find("in use") != std::string::npos);
}
