// Peers that go on living for TCP only, and servers that do not like to be pinged.
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/grpc_curl/channel.hpp"
#include "tests/unit/agent/processes.hpp"

using namespace osiekit;
using namespace osiekit::rpc;
using namespace std::chrono_literals;

namespace {

using Due = Keepalive::Due;

// grpcio's server, as another program that can be stopped.
class PythonServer {
  public:
    PythonServer()
        : process_({"/usr/bin/python3",
                    std::string(OSIEKIT_SOURCE_DIR) + "/tests/unit/grpc_curl/hold.py",
                    directory_ / "port"},
                   directory_ / "log") {
        // Against waiting for ever; nothing is judged by it.
        for (int i = 0; i < 6000 && process_.runs() && !std::filesystem::exists(port_file()); ++i)
            std::this_thread::sleep_for(10ms);
        auto port = read_file(port_file());
        if (!port) FAIL("the server has not started: " << read_file(directory_ / "log").value());
        target_ = "127.0.0.1:" + *port;
    }
    void send(int signal) { process_.signal(signal); }
    std::unique_ptr<Channel> connect(const PingTimes& ping) const {
        ChannelOptions options;
        options.target = target_;
        options.ping = ping;
        return Channel::create(options).value();
    }

  private:
    std::filesystem::path port_file() const { return directory_ / "port"; }

    TempDir directory_ = TempDir::create("hold").value();
    ChildProcess process_;
    std::string target_;
};

}  // namespace

TEST_CASE(
    "a silent peer is asked, at first soon, then seldom, and given up when it does not answer") {
    PingTimes times{75s, 330s, 20s};
    Keepalive::TimePoint start{};
    auto at = [&](std::chrono::seconds time) { return start + time; };
    Keepalive keepalive(times, start);
    CHECK_FALSE(keepalive.next(false));
    CHECK(keepalive.due(at(74s), true) == Due::nothing);
    CHECK(keepalive.due(at(75s), false) == Due::nothing);
    CHECK(keepalive.due(at(75s), true) == Due::ping);
    keepalive.heard(at(60s));
    CHECK(keepalive.due(at(134s), true) == Due::nothing);
    CHECK(keepalive.due(at(135s), true) == Due::ping);
    keepalive.pinged(at(135s));
    CHECK(keepalive.due(at(154s), true) == Due::nothing);
    CHECK(keepalive.due(at(155s), true) == Due::give_up);
    CHECK(keepalive.due(at(155s), false) == Due::give_up);
    keepalive.heard(at(140s));
    CHECK(keepalive.next(true) == at(465s));
    keepalive.heard(at(400s));
    CHECK(keepalive.next(true) == at(475s));
    // What gRPC's servers bear with their default settings
    // (GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL…).
    CHECK(PingTimes().interval > 5min);
    // Longer than Tinkerbell's servers hold a question.
    CHECK(PingTimes().after_silence > 60s);
}

TEST_CASE("a server that hangs is noticed while a call is held") {
    PythonServer server;
    // The kernel goes on taking connections and bytes for it.
    server.send(SIGSTOP);
    std::string answer;
    auto status = server.connect({50ms, 100ms, 500ms})->unary("/t/Hold", "x", answer);
    CHECK(status.code == StatusCode::unavailable);
    CHECK(status.message.find("HTTP/2 PING") != std::string::npos);
    server.send(SIGCONT);
    status = server.connect({})->unary("/t/Echo", "again", answer);
    INFO(status.message);
    CHECK(status.ok());
}

TEST_CASE("a held call outlives a server's pings that are few enough") {
    PythonServer server;
    auto channel = server.connect({10ms, 1h, 10s});
    CallOptions options;
    options.timeout = 300ms;
    std::string answer;
    CHECK(channel->unary("/t/Hold", "x", answer, options).code == StatusCode::deadline_exceeded);
    CHECK(channel->unary("/t/Echo", "x", answer).ok());
}

TEST_CASE("a server that is pinged too often sends us away, and is pinged less often then") {
    PingTimes times{1ms, 20ms, 10s};
    times.calm_down();
    CHECK(times.interval == 40ms);
    PythonServer server;
    // From the second ping on each is one too many; a few of them are the end.
    auto channel = server.connect({1ms, 20ms, 10s});
    std::string answer;
    for (int i = 0; i < 3; ++i) {
        auto status = channel->unary("/t/Hold", "x", answer);
        INFO(status.message);
        CHECK(status.code == StatusCode::unavailable);
    }
    CHECK(server.connect({})->unary("/t/Echo", "x", answer).ok());
}
