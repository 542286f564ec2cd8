// Our client against Debian's gRPC server.
#include <catch2/catch.hpp>
#include <thread>

#include "lib/grpc_curl/call_state.hpp"
#include "lib/grpc_curl/channel.hpp"
#include "tests/unit/grpc_curl/generic_server.hpp"

using namespace osiekit::rpc;

namespace {

std::unique_ptr<Channel> connect(const GenericServer& server,
                                 std::size_t max_message_bytes = default_max_message_bytes) {
    ChannelOptions options;
    options.target = server.target();
    options.max_message_bytes = max_message_bytes;
    return Channel::create(options).value();
}

}  // namespace

TEST_CASE("one message there, one back, over one connection") {
    GenericServer server;
    auto channel = connect(server);
    std::string answer;
    CallOptions options;
    options.metadata = {{"x-test", "yes"}};
    options.timeout = std::chrono::seconds(100);
    auto status = channel->unary("/t/Echo", "hello", answer, options);
    INFO(status.message);
    REQUIRE(status.ok());
    REQUIRE(answer == "hello");
    REQUIRE(server.last_metadata().at("x-test") == "yes");
    std::string peer = server.last_peer();
    REQUIRE(channel->unary("/t/Echo", std::string("\0\xff", 2), answer).ok());
    REQUIRE(answer == std::string("\0\xff", 2));
    REQUIRE(channel->unary("/t/Echo", "", answer).ok());
    REQUIRE(answer.empty());
    REQUIRE(server.last_peer() == peer);
}

TEST_CASE("failures come with code, message and details") {
    GenericServer server;
    auto channel = connect(server);
    std::string answer = "untouched";
    for (int code = 1; code <= 16; ++code) {
        auto status = channel->unary("/t/Fail", std::to_string(code), answer);
        REQUIRE(static_cast<int>(status.code) == code);
        REQUIRE(status.message == "100% caf\xc3\xa9\nno");
        REQUIRE(status.details == std::string("det\0ails", 8));
    }
    REQUIRE(answer == "untouched");
    auto status = channel->unary("/t/Nowhere", "x", answer);
    REQUIRE(status.code == StatusCode::unimplemented);
    // The connection has survived all this.
    REQUIRE(channel->unary("/t/Echo", "x", answer).ok());
}

TEST_CASE("messages at the limit pass in both directions, larger ones do not") {
    constexpr std::size_t limit = 100000;
    GenericServer server;
    auto channel = connect(server, limit);
    std::string answer;
    REQUIRE(channel->unary("/t/Echo", std::string(limit, 'a'), answer).ok());
    REQUIRE(answer.size() == limit);
    auto status = channel->unary("/t/Echo", std::string(limit + 1, 'a'), answer);
    REQUIRE(status.code == StatusCode::resource_exhausted);
    status = channel->unary("/t/Repeat", "1 " + std::to_string(limit + 1), answer);
    REQUIRE(status.code == StatusCode::resource_exhausted);
    REQUIRE(channel->unary("/t/Repeat", "1 " + std::to_string(limit), answer).ok());
    REQUIRE(channel->unary("/t/Repeat", "2 1", answer).code == StatusCode::internal);
    REQUIRE(channel->unary("/t/Repeat", "0 1", answer).code == StatusCode::internal);
}

TEST_CASE("a stream of messages arrives whole, although the reader starts late") {
    GenericServer server;
    auto channel = connect(server);
    // Sixty times what is queued.
    constexpr std::size_t count = 600;
    constexpr std::size_t size = 100000;
    static_assert(count * size > 50 * CallState::max_queued_bytes);
    Call call = channel->start("/t/Repeat");
    REQUIRE(call.write(std::to_string(count) + " " + std::to_string(size)));
    call.close_writes();
    std::string answer;
    REQUIRE(channel->unary("/t/Echo", "meanwhile", answer).ok());
    std::size_t got = 0;
    while (auto message = call.read()) {
        REQUIRE(message->size() == size);
        ++got;
    }
    auto status = call.finish();
    INFO(status.message);
    REQUIRE(status.ok());
    REQUIRE(got == count);
}

TEST_CASE("messages are streamed to the server") {
    GenericServer server;
    auto channel = connect(server);
    Call call = channel->start("/t/Collect");
    std::size_t sent = 0;
    for (std::size_t i = 0; i < 200; ++i) {
        std::string message(i * 500, 'x');
        REQUIRE(call.write(message));
        sent += message.size();
        // Another call fits in between.
        std::string answer;
        if (i == 100) REQUIRE(channel->unary("/t/Echo", "x", answer).ok());
    }
    call.close_writes();
    REQUIRE_FALSE(call.write("late"));
    REQUIRE(call.read() == std::to_string(sent));
    REQUIRE_FALSE(call.read());
    REQUIRE(call.finish().ok());
}

TEST_CASE("a server that has heard enough ends a call that is still being written") {
    GenericServer server;
    auto channel = connect(server);
    Call call = channel->start("/t/Early");
    REQUIRE(call.write("first"));
    REQUIRE(call.read() == "first");
    REQUIRE_FALSE(call.read());
    REQUIRE(call.finish().ok());
    REQUIRE_FALSE(call.write("more"));
    std::string answer;
    REQUIRE(channel->unary("/t/Echo", "x", answer).ok());
}

TEST_CASE("a call is cancelled from another thread, and the server is told") {
    GenericServer server;
    auto channel = connect(server);
    Call call = channel->start("/t/Hold");
    REQUIRE(call.write("x"));
    server.wait_for_held(1);
    std::thread canceller([&] { call.cancel(); });
    REQUIRE_FALSE(call.read());
    REQUIRE(call.finish().code == StatusCode::cancelled);
    canceller.join();
    server.wait_for_given_up(1);
    std::string answer;
    REQUIRE(channel->unary("/t/Echo", "x", answer).ok());
    {
        Call dropped = channel->start("/t/Hold");
        REQUIRE(dropped.write("x"));
        server.wait_for_held(2);
    }
    server.wait_for_given_up(2);
}

TEST_CASE("shutting down ends what is under way and what comes later") {
    GenericServer server;
    auto channel = connect(server);
    std::thread stopper([&] {
        server.wait_for_held(1);
        channel->shut_down();
    });
    std::string answer;
    REQUIRE(channel->unary("/t/Hold", "x", answer).code == StatusCode::cancelled);
    stopper.join();
    REQUIRE(channel->unary("/t/Echo", "x", answer).code == StatusCode::cancelled);
}

TEST_CASE(
    "a call that survives the shutting down goes on, may begin then, and ends with the channel") {
    GenericServer server;
    auto channel = connect(server);
    CallOptions survivor;
    survivor.survives_shut_down = true;
    Call held = channel->start("/t/Hold", survivor);
    REQUIRE(held.write("x"));
    server.wait_for_held(1);
    channel->shut_down();
    std::string answer;
    REQUIRE(channel->unary("/t/Echo", "no", answer).code == StatusCode::cancelled);
    REQUIRE(channel->unary("/t/Echo", "yes", answer, survivor).ok());
    REQUIRE(answer == "yes");
    channel.reset();
    REQUIRE(held.finish().code == StatusCode::cancelled);
    server.wait_for_given_up(1);
    // Without a connection of before, too.
    auto other = connect(server);
    other->shut_down();
    REQUIRE(other->unary("/t/Echo", "late", answer, survivor).ok());
    REQUIRE(answer == "late");
}

TEST_CASE("a deadline ends a call and leaves the connection") {
    GenericServer server;
    auto channel = connect(server);
    std::string answer;
    CallOptions soon;
    soon.timeout = std::chrono::milliseconds(200);
    auto status = channel->unary("/t/Hold", "x", answer, soon);
    REQUIRE(status.code == StatusCode::deadline_exceeded);
    REQUIRE(channel->unary("/t/Echo", "x", answer).ok());
}

TEST_CASE("a server that restarts is found again by the next call") {
    auto first = std::make_unique<GenericServer>();
    auto channel = connect(*first);
    std::string address = "127.0.0.1:" + std::to_string(first->port());
    std::string answer;
    REQUIRE(channel->unary("/t/Echo", "x", answer).ok());
    first.reset();
    REQUIRE(channel->unary("/t/Echo", "x", answer).code == StatusCode::unavailable);
    GenericServer second(grpc::InsecureServerCredentials(), address);
    auto status = channel->unary("/t/Echo", "again", answer);
    INFO(status.message);
    REQUIRE(status.ok());
    REQUIRE(answer == "again");
}

TEST_CASE("a server that goes away ends the calls it holds") {
    auto server = std::make_unique<GenericServer>();
    auto channel = connect(*server);
    Call call = channel->start("/t/Hold");
    REQUIRE(call.write("x"));
    server->wait_for_held(1);
    server.reset();
    REQUIRE_FALSE(call.finish().ok());
}

TEST_CASE("targets are HOST:PORT") {
    REQUIRE(split_target("tink.example:42113")->second == 42113);
    REQUIRE(split_target("[2001:db8::1]:1")->first == "2001:db8::1");
    REQUIRE(split_target("192.0.2.1:65535"));
    for (const char* text : {"", "host", ":1", "host:", "host:0", "host:65536", "a b:1", "h/x:1",
                             "u@h:1", "2001:db8::1", "[x]:1", "[]:1", "http://h:1"})
        REQUIRE_FALSE(split_target(text));
    ChannelOptions options;
    options.target = "nowhere";
    REQUIRE_FALSE(Channel::create(options));
}
