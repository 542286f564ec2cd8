// Output on its way to a server, which a scripted service plays, with its faults.
#include <fcntl.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "agent/log_stream.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/agent/log_keeper.hpp"

using namespace osiekit;
using namespace osiekit::agent;
using Catch::Matchers::Contains;

namespace {

// An agent's side: an action's directory with a spool, and a log that can be read.
struct Agent {
    TempDir directory = TempDir::create("log-stream").value();
    Fd log_file = open_file(directory / "log", O_WRONLY | O_CREAT | O_APPEND).value();
    Logger log{Logger::Options{LogLevel::debug, false, false, log_file.get()}};
    std::unique_ptr<rpc::Channel> channel;
    std::unique_ptr<LogStream> stream;
    std::optional<SpoolWriter> spool;

    explicit Agent(int port, LogStream::Timing timing = {std::chrono::milliseconds(20000),
                                                         std::chrono::milliseconds(1),
                                                         std::chrono::milliseconds(10)}) {
        rpc::ChannelOptions options;
        options.target = "127.0.0.1:" + std::to_string(port);
        channel = rpc::Channel::create(options).value();
        stream = std::make_unique<LogStream>(*channel, "agent-1", log, timing);
    }
    void prepare(const std::string& run, std::uint64_t file_bytes = max_spool_file_bytes) {
        REQUIRE(write_file(directory / "run", run));
        spool = SpoolWriter::create(directory / "output", file_bytes).value();
    }
    void begin() {
        JournalEntry action;
        action.workflow_id = "workflow";
        action.action_id = "action";
        action.action_name = "name";
        stream->begin(action, directory.path());
    }
    void write(int first, int count) {
        for (int i = first; i < first + count; ++i) {
            spool->add(i % 2 == 1, "line " + std::to_string(i));
            if (i % 100 == 0) spool->flush();
        }
        spool->flush();
        stream->poke();
    }
    std::string said() const { return read_file(directory / "log").value(); }
};

void expect_lines(const std::vector<std::string>& lines, std::size_t first, std::size_t count) {
    REQUIRE(lines.size() == count);
    for (std::size_t i = 0; i < count; ++i)
        if (lines[i] != "line " + std::to_string(first + i)) FAIL(lines[i]);
}

}  // namespace

TEST_CASE("output arrives whole and in order, before the end of the action is told") {
    Keeper keeper;
    Agent agent(keeper.port());
    agent.prepare("r1");
    agent.begin();
    for (int i = 0; i < 10; ++i) agent.write(i * 1000, 1000);
    agent.stream->end();
    expect_lines(keeper.lines("r1"), 0, 10000);
    CHECK(keeper.hello().agent_id() == "agent-1");
    CHECK(keeper.hello().workflow_id() == "workflow");
    CHECK(keeper.hello().action_id() == "action");
    CHECK(agent.said().empty());
    // The next action; one without output, too.
    std::filesystem::remove_all(agent.directory / "output");
    agent.prepare("r2");
    agent.begin();
    agent.stream->end();
    CHECK(keeper.lines("r2").empty());
}

TEST_CASE("broken connections lose and double nothing") {
    Keeper keeper;
    std::atomic<int> messages = 0;
    keeper.fault = [&](Keeper::When when) {
        if (when == Keeper::When::before) ++messages;
        return messages % 3 == (when == Keeper::When::before ? 0 : 1);
    };
    Agent agent(keeper.port());
    agent.prepare("r1");
    agent.write(0, 20000);
    agent.begin();
    for (int i = 0; i < 20; ++i) agent.write(20000 + i * 100, 100);
    agent.stream->end();
    expect_lines(keeper.lines("r1"), 0, 22000);
    CHECK(keeper.streams() > 2);
    CHECK_THAT(agent.said(), Contains("the output of \"name\" waits for the server: fault") &&
                                 !Contains("have not reached"));
}

TEST_CASE("another agent goes on where the first one was") {
    Keeper keeper;
    {
        Agent first(keeper.port());
        first.prepare("r1");
        first.begin();
        first.write(0, 500);
        first.stream->end();
    }
    Agent second(keeper.port());
    second.prepare("r1");
    second.write(0, 800);
    second.begin();
    second.stream->end();
    expect_lines(keeper.lines("r1"), 0, 800);
}

TEST_CASE("a server that is away is waited for, beyond the action's end") {
    Keeper keeper;
    int port = keeper.port();
    keeper.stop();
    Agent agent(port, {std::chrono::milliseconds(50), std::chrono::milliseconds(1),
                       std::chrono::milliseconds(10)});
    agent.prepare("r1");
    agent.begin();
    agent.write(0, 100);
    agent.stream->end();  // gives up waiting, not sending
    while (agent.said().find("waits for the server") == std::string::npos)
        std::this_thread::yield();
    keeper.start(port);
    while (keeper.lines("r1").size() < 100) std::this_thread::yield();
    expect_lines(keeper.lines("r1"), 0, 100);
    agent.stream.reset();
    CHECK_THAT(agent.said(), !Contains("have not reached"));
}

TEST_CASE("what does not arrive is counted") {
    SECTION("because nobody is there") {
        Keeper keeper;
        keeper.stop();
        Agent agent(keeper.port(), {std::chrono::milliseconds(1), std::chrono::milliseconds(1),
                                    std::chrono::milliseconds(1)});
        agent.prepare("r1");
        agent.begin();
        agent.write(0, 123);
        agent.stream.reset();
        CHECK_THAT(agent.said(), Contains("123 lines of the output of \"name\" have not reached"));
    }
    SECTION("because it came too fast") {
        Keeper keeper;
        Agent agent(keeper.port());
        agent.prepare("r1", 1000);
        agent.write(0, 3000);
        agent.begin();
        agent.stream->end();
        auto first = keeper.first_line("r1");
        REQUIRE(first > 0);
        expect_lines(keeper.lines("r1"), first, 3000 - first);
        CHECK_THAT(agent.said(), Contains(std::to_string(first) + " lines of the output"));
    }
    SECTION("because the server answers nothing any more") {
        Keeper keeper;
        std::promise<void> over;
        auto ending = over.get_future().share();
        keeper.fault = [&](Keeper::When when) {
            if (when == Keeper::When::after) ending.wait();
            return when == Keeper::When::after;
        };
        Agent agent(keeper.port(), {std::chrono::milliseconds(1), std::chrono::milliseconds(1),
                                    std::chrono::milliseconds(1)});
        agent.prepare("r1");
        agent.begin();
        agent.write(0, 7);
        agent.channel->shut_down();
        agent.write(7, 2);
        agent.stream.reset();
        CHECK_THAT(agent.said(), Contains("9 lines of the output"));
        over.set_value();
    }
}

TEST_CASE("what an action says while the agent is being stopped arrives") {
    Keeper keeper;
    Agent agent(keeper.port());
    agent.prepare("r1");
    agent.begin();
    agent.write(0, 100);
    agent.channel->shut_down();
    agent.write(100, 100);
    agent.stream->complete();
    agent.stream.reset();
    expect_lines(keeper.lines("r1"), 0, 200);
    CHECK_THAT(agent.said(), !Contains("have not reached"));
}

TEST_CASE("a server that ends its streams because it stops is no reason to give up") {
    Keeper keeper;
    std::atomic<int> messages = 0;
    keeper.fault = [&](Keeper::When when) {
        return when == Keeper::When::before && messages++ == 0;
    };
    keeper.fault_status = {grpc::StatusCode::CANCELLED, "stopping"};
    Agent agent(keeper.port());
    agent.prepare("r1");
    agent.begin();
    agent.write(0, 100);
    agent.stream->end();
    expect_lines(keeper.lines("r1"), 0, 100);
    CHECK(keeper.streams() == 2);
}

TEST_CASE("a server that knows no such service is asked once, and quietly") {
    Keeper keeper;
    keeper.refusal = {grpc::StatusCode::UNIMPLEMENTED, ""};
    Agent agent(keeper.port());
    agent.prepare("r1");
    for (int i = 0; i < 3; ++i) {
        agent.begin();
        agent.write(0, 10);
        agent.stream->end();
    }
    CHECK(keeper.streams() == 1);
    CHECK_THAT(agent.said(), Contains("debug") && !Contains("warn") && !Contains("info"));
}

TEST_CASE("a refusal is told once for each action, and no reason to try again") {
    Keeper keeper;
    keeper.refusal = {grpc::StatusCode::PERMISSION_DENIED, "not yours"};
    Agent agent(keeper.port());
    agent.prepare("r1");
    for (int i = 0; i < 2; ++i) {
        agent.begin();
        agent.write(0, 10);
        agent.stream->end();
    }
    CHECK(keeper.streams() == 2);
    CHECK_THAT(agent.said(), Contains("does not take the output of \"name\": not yours"));
}

TEST_CASE("times of lines") {
    CHECK(line_time_us("1970-01-01T00:00:01.000002Z") == 1000002);
    CHECK(line_time_us("2026-11-26T06:00:00.123456Z") == 1795672800123456);
    for (const char* text : {"", "-", "1970-01-01T00:00:01.00000Z", "1970-01-01T00:00:01.0000022Z",
                             "1970-01-01 00:00:01.000002Z", "197a-01-01T00:00:01.000002Z",
                             "1960-01-01T00:00:01.000002Z"})
        CHECK(line_time_us(text) == 0);
}
