#include <grpcpp/grpcpp.h>
#include <catch2/catch.hpp>

#include <future>

#include "proto/logs.grpc.pb.h"
#include "server/rpc/log_receiver.hpp"
#include "wire.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;
using grpc::StatusCode;
namespace v1 = osiekit::v1;

namespace {

struct LogWire : Wire {
    std::unique_ptr<v1::LogService::Stub> stub = v1::LogService::NewStub(channel);
    std::string id = queue();
    Offer offer = engine.next_action_for(mac).value().value();

    v1::LogBatch hello(const std::string& run = "run-1") const {
        v1::LogBatch first;
        first.set_agent_id(mac);
        first.set_workflow_id(id);
        first.set_action_id(offer.action.id);
        first.set_run(run);
        return first;
    }
    // What the server says to the one message, and how the stream ends.
    std::pair<grpc::Status, std::uint64_t> send(const v1::LogBatch& message) {
        grpc::ClientContext context;
        auto stream = stub->SendLogs(&context);
        v1::LogProgress progress;
        if (stream->Write(message) && stream->Read(&progress)) stream->WritesDone();
        return {stream->Finish(), progress.next_line()};
    }
    std::vector<v1::LogRecord> read(const v1::ReadLogsRequest& request, grpc::Status& status) {
        grpc::ClientContext context;
        auto stream = stub->ReadLogs(&context, request);
        std::vector<v1::LogRecord> records;
        v1::LogRecord record;
        while (stream->Read(&record)) records.push_back(record);
        status = stream->Finish();
        return records;
    }
    std::vector<v1::LogRecord> read(const std::string& action = {}) {
        v1::ReadLogsRequest request;
        request.set_workflow_id(id);
        request.set_action(action);
        grpc::Status status;
        auto records = read(request, status);
        REQUIRE(status.ok());
        return records;
    }
};

void add_lines(v1::LogBatch& batch, const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
        auto* line = batch.add_lines();
        line->set_time_us(1'700'000'000'000'000);
        line->set_text(text);
    }
}

}  // namespace

TEST_CASE("Output is taken from the agent of the action, and given to whoever asks") {
    LogWire wire;
    grpc::ClientContext context;
    auto stream = wire.stub->SendLogs(&context);
    v1::LogProgress progress;
    REQUIRE(stream->Write(wire.hello()));
    REQUIRE(stream->Read(&progress));
    CHECK(progress.next_line() == 0);
    v1::LogBatch batch;
    add_lines(batch, {"one", "two \xff"});
    REQUIRE(stream->Write(batch));
    REQUIRE(stream->Read(&progress));
    CHECK(progress.next_line() == 2);
    REQUIRE(stream->WritesDone());
    CHECK(stream->Finish().ok());
    // A second stream of the same run learns where to go on; what it repeats is not doubled.
    CHECK(wire.send(wire.hello()).second == 2);
    batch.MergeFrom(wire.hello());
    add_lines(batch, {"three"});
    CHECK(wire.send(batch).second == 3);
    auto records = wire.read("stream");
    REQUIRE(records.size() == 2);
    CHECK(records[0].lines(1).text() == "two \xff");
    CHECK(records[0].action_name() == "stream");
    CHECK(records[1].first_line() == 2);
    CHECK(wire.read("reboot").empty());
    CHECK(wire.read(wire.offer.action.id).size() == 2);
}

TEST_CASE("Output of somebody else's action, or of none, is refused") {
    LogWire wire;
    auto with = [&](auto change) {
        auto message = wire.hello();
        change(message);
        return wire.send(message).first;
    };
    auto stranger = with([](auto& m) { m.set_agent_id("52:54:00:00:00:99"); });
    CHECK(stranger.error_code() == StatusCode::PERMISSION_DENIED);
    CHECK_THAT(stranger.error_message(), Contains("was not handed to agent"));
    CHECK(with([](auto& m) { m.set_workflow_id("gone"); }).error_code() == StatusCode::NOT_FOUND);
    CHECK(with([](auto& m) { m.set_action_id("gone"); }).error_code() == StatusCode::NOT_FOUND);
    // The second action waits for the first: nobody has been told to run it.
    auto early = wire.workflow(wire.id).actions.at(1).id;
    CHECK(with([&](auto& m) { m.set_action_id(early); }).error_code() ==
          StatusCode::PERMISSION_DENIED);
    CHECK(with([](auto& m) { m.clear_run(); }).error_code() == StatusCode::INVALID_ARGUMENT);
    std::string at(v1::LOG_LIMIT_ID_BYTES, 'r');
    CHECK(with([&](auto& m) { m.set_run(at); }).ok());
    CHECK(with([&](auto& m) { m.set_run(at + "r"); }).error_code() == StatusCode::INVALID_ARGUMENT);
    CHECK(wire.read().empty());
    // The machine's other port is the same agent.
    CHECK(with([](auto& m) { m.set_agent_id("52:54:00:12:34:02"); }).ok());
}

TEST_CASE("Messages of output have limits") {
    v1::LogBatch batch;
    auto refused = [&] { return !lines_of(batch).ok(); };
    for (int i = 0; i < v1::LOG_LIMIT_LINES; ++i) add_lines(batch, {"x"});
    CHECK_FALSE(refused());
    add_lines(batch, {"x"});
    CHECK(refused());
    batch.clear_lines();
    add_lines(batch, {std::string(v1::LOG_LIMIT_LINE_BYTES, 'x')});
    CHECK_FALSE(refused());
    batch.mutable_lines(0)->mutable_text()->push_back('x');
    CHECK(refused());
    batch.clear_lines();
    static_assert(v1::LOG_LIMIT_BYTES % v1::LOG_LIMIT_LINE_BYTES == 0);
    for (int i = 0; i < v1::LOG_LIMIT_BYTES / v1::LOG_LIMIT_LINE_BYTES; ++i)
        add_lines(batch, {std::string(v1::LOG_LIMIT_LINE_BYTES, 'x')});
    CHECK_FALSE(refused());
    add_lines(batch, {"x"});
    CHECK(refused());
    batch.clear_lines();
    add_lines(batch, {"two\nlines"});
    CHECK(refused());
    batch.mutable_lines(0)->set_text("one");
    CHECK_FALSE(refused());
    batch.mutable_lines(0)->set_time_us(-1);
    CHECK(refused());
    batch.clear_lines();
    batch.set_first_line(1ULL << 62U);
    CHECK_FALSE(refused());
    batch.set_first_line((1ULL << 62U) + 1);
    CHECK(refused());
}

TEST_CASE("A follower hears what comes and ends with the workflow") {
    LogWire wire;
    v1::ReadLogsRequest request;
    request.set_workflow_id(wire.id);
    request.set_follow(true);
    grpc::ClientContext context;
    auto follower = wire.stub->ReadLogs(&context, request);
    auto batch = wire.hello();
    add_lines(batch, {"first"});
    REQUIRE(wire.send(batch).second == 1);
    v1::LogRecord record;
    REQUIRE(follower->Read(&record));
    CHECK(record.lines(0).text() == "first");
    auto more = wire.hello();
    more.set_first_line(1);
    add_lines(more, {"second"});
    REQUIRE(wire.send(more).second == 2);
    REQUIRE(follower->Read(&record));
    CHECK(record.lines(0).text() == "second");
    auto ended = std::async(std::launch::async, [&] {
        bool another = follower->Read(&record);
        return !another && follower->Finish().ok();
    });
    REQUIRE(wire.engine.report(report_of(wire.offer, State::running)));
    REQUIRE(wire.engine.report(report_of(wire.offer, State::failed)));
    CHECK(ended.get());
}

TEST_CASE("Followers and senders are told when the server stops; questions about nothing fail") {
    LogWire wire;
    v1::ReadLogsRequest request;
    request.set_workflow_id("gone");
    grpc::Status status;
    CHECK(wire.read(request, status).empty());
    CHECK(status.error_code() == StatusCode::NOT_FOUND);
    request.set_workflow_id(wire.id);
    request.set_action("misspelt");
    CHECK(wire.read(request, status).empty());
    CHECK_THAT(status.error_message(), Contains("misspelt") && Contains("stream, reboot"));
    request.clear_action();
    request.set_follow(true);
    grpc::ClientContext following;
    auto follower = wire.stub->ReadLogs(&following, request);
    grpc::ClientContext sending;
    auto sender = wire.stub->SendLogs(&sending);
    v1::LogProgress progress;
    REQUIRE(sender->Write(wire.hello()));
    REQUIRE(sender->Read(&progress));
    wire.server->stop();
    CHECK(follower->Finish().error_code() == StatusCode::UNAVAILABLE);
    CHECK(sender->Finish().error_code() == StatusCode::UNAVAILABLE);
}
