#include <grpcpp/grpcpp.h>
#include <catch2/catch.hpp>

#include <future>
#include <thread>

#include "proto/admin.grpc.pb.h"
#include "proto/rpc_status.pb.h"
#include "proto/workflow.grpc.pb.h"
#include "server/rpc/convert.hpp"
#include "wire.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;
namespace v1 = osiekit::v1;

namespace {

// Clients for the agents' and the operators' service.
struct AgentWire : Wire {
    std::unique_ptr<proto::WorkflowService::Stub> agent = proto::WorkflowService::NewStub(channel);
    std::unique_ptr<v1::AdminService::Stub> admin = v1::AdminService::NewStub(channel);

    using Wire::Wire;

    std::pair<grpc::Status, proto::ActionResponse> ask(const std::string& id = mac) {
        grpc::ClientContext context;
        proto::ActionRequest request;
        request.set_agent_id(id);
        proto::ActionResponse response;
        auto status = agent->GetAction(&context, request, &response);
        return {status, response};
    }

    grpc::Status report(const proto::ActionResponse& action,
                        proto::ActionStatusRequest::StateType state) {
        grpc::ClientContext context;
        proto::ActionStatusRequest request;
        request.set_workflow_id(action.workflow_id());
        request.set_agent_id(action.agent_id());
        request.set_task_id(action.task_id());
        request.set_action_id(action.action_id());
        request.set_action_name(action.name());
        request.set_action_state(state);
        // What agents send before anything was measured: the year 1.
        request.mutable_execution_start()->set_seconds(-62135596800);
        request.mutable_execution_stop()->set_seconds(-62135596800);
        proto::ActionStatusResponse response;
        return agent->ReportActionStatus(&context, request, &response);
    }
};

}  // namespace

TEST_CASE("An agent is led through a workflow over gRPC") {
    AgentWire wire;
    auto id = wire.queue();
    auto [status, action] = wire.ask();
    REQUIRE(status.ok());
    CHECK(action.workflow_id() == id);
    CHECK(action.agent_id() == mac);
    CHECK(action.name() == "stream");
    CHECK(action.timeout() == 3600);
    CHECK(action.environment_size() == 3);
    CHECK(wire.report(action, proto::ActionStatusRequest::STATE_TYPE_RUNNING).ok());
    CHECK(wire.report(action, proto::ActionStatusRequest::STATE_TYPE_SUCCESS).ok());
    CHECK(wire.report(action, proto::ActionStatusRequest::STATE_TYPE_SUCCESS).ok());
    auto [again, second] = wire.ask();
    REQUIRE(again.ok());
    CHECK(second.name() == "reboot");
    CHECK(second.timeout() == 30);
    CHECK(wire.report(second, proto::ActionStatusRequest::STATE_TYPE_SUCCESS).ok());
    CHECK(wire.workflow(id).state == State::success);
}

TEST_CASE("With nothing to do the call ends with the detail that agents know") {
    AgentWire wire(std::chrono::milliseconds(1));
    auto [status, action] = wire.ask();
    CHECK(status.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
    google::rpc::Status detail;
    REQUIRE(detail.ParseFromString(status.error_details()));
    REQUIRE(detail.details_size() == 1);
    google::rpc::PreconditionFailure failure;
    REQUIRE(detail.details(0).UnpackTo(&failure));
    CHECK(failure.violations(0).type() == "PRECONDITION_FAILURE_VIOLATION_NO_ACTION_AVAILABLE");
    CHECK(wire.ask("").first.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("Many held calls are woken by what concerns them") {
    AgentWire wire;
    REQUIRE(wire.engine.put_hardware(machine));
    REQUIRE(wire.engine.put_template("install", two_actions));
    // Held calls of others, each to be ended by the server's stop.
    constexpr int others = 200;
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<proto::ActionRequest> requests(others);
    std::vector<proto::ActionResponse> responses(others);
    std::atomic<int> unavailable{0};
    std::atomic<int> ended{0};
    for (int i = 0; i < others; ++i) {
        auto n = static_cast<std::size_t>(i);
        requests[n].set_agent_id("other-" + std::to_string(i));
        contexts.push_back(std::make_unique<grpc::ClientContext>());
        wire.agent->async()->GetAction(contexts[n].get(), &requests[n], &responses[n],
                                       [&](const grpc::Status& status) {
                                           if (status.error_code() == grpc::StatusCode::UNAVAILABLE)
                                               ++unavailable;
                                           ++ended;
                                       });
    }
    auto waiting = std::async(std::launch::async, [&] { return wire.ask("52:54:00:12:34:02"); });
    REQUIRE(wire.engine.create_workflow("install", "machine-1", {}));
    auto [status, action] = waiting.get();
    CHECK(status.ok());
    CHECK(action.name() == "stream");
    CHECK(ended == 0);
    wire.server->stop();
    while (ended < others) std::this_thread::yield();
    CHECK(unavailable == others);
}

TEST_CASE("A call that the agent gives up does no harm") {
    AgentWire wire;
    grpc::ClientContext context;
    proto::ActionRequest request;
    request.set_agent_id(mac);
    proto::ActionResponse response;
    std::promise<grpc::StatusCode> code;
    wire.agent->async()->GetAction(&context, &request, &response, [&](const grpc::Status& status) {
        code.set_value(status.error_code());
    });
    context.TryCancel();
    CHECK(code.get_future().get() == grpc::StatusCode::CANCELLED);
    wire.queue();
    CHECK(wire.ask().first.ok());
}

TEST_CASE("Plausible agents never get a code that stops them") {
    AgentWire wire;
    auto id = wire.queue();
    proto::ActionResponse action = wire.ask().second;
    auto with = [&](auto change) {
        proto::ActionResponse changed = action;
        change(changed);
        return changed;
    };
    using Request = proto::ActionStatusRequest;
    auto unknown = with([](auto& a) { a.set_workflow_id("gone"); });
    CHECK(wire.report(unknown, Request::STATE_TYPE_SUCCESS).ok());
    CHECK(wire.report(unknown, Request::STATE_TYPE_RUNNING).error_code() ==
          grpc::StatusCode::ABORTED);
    auto stranger = with([](auto& a) { a.set_agent_id("stranger"); });
    CHECK(wire.report(stranger, Request::STATE_TYPE_FAILED).ok());
    CHECK(wire.workflow(id).state == State::pending);
    auto nobody = with([](auto& a) { a.clear_action_id(); });
    CHECK(wire.report(nobody, Request::STATE_TYPE_SUCCESS).error_code() ==
          grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(wire.report(action, Request::STATE_TYPE_UNSPECIFIED).error_code() ==
          grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("Administration over gRPC") {
    AgentWire wire;
    {
        grpc::ClientContext context;
        v1::PutHardwareRequest request;
        request.set_document("kind: Hardware\n");
        v1::Hardware reply;
        auto status = wire.admin->PutHardware(&context, request, &reply);
        CHECK(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
        CHECK_THAT(status.error_message(), Contains("metadata.name: is missing"));
    }
    {
        grpc::ClientContext context;
        v1::PutHardwareRequest request;
        request.set_document(machine);
        request.set_format(v1::DOCUMENT_FORMAT_JSON);
        v1::Hardware reply;
        auto status = wire.admin->PutHardware(&context, request, &reply);
        CHECK_THAT(status.error_message(), Contains("not JSON"));
    }
    auto id = wire.queue();
    {
        grpc::ClientContext context;
        v1::GetHardwareRequest request;
        request.set_name_or_mac("52-54-00-12-34-01");
        v1::Hardware reply;
        CHECK(wire.admin->GetHardware(&context, request, &reply).ok());
        CHECK(reply.name() == "machine-1");
    }
    {
        grpc::ClientContext context;
        v1::GetWorkflowRequest request;
        request.set_id("none");
        v1::Workflow reply;
        CHECK(wire.admin->GetWorkflow(&context, request, &reply).error_code() ==
              grpc::StatusCode::NOT_FOUND);
    }
    grpc::ClientContext context;
    v1::ListWorkflowsRequest request;
    request.set_hardware(mac);
    v1::ListWorkflowsResponse reply;
    CHECK(wire.admin->ListWorkflows(&context, request, &reply).ok());
    REQUIRE(reply.workflows_size() == 1);
    CHECK(reply.workflows(0).id() == id);
    CHECK(reply.workflows(0).state() == v1::STATE_PENDING);
}

TEST_CASE("Followers of the event log see what was and what comes, in order") {
    AgentWire wire;
    auto id = wire.queue();
    grpc::ClientContext context;
    v1::WatchEventsRequest request;
    request.set_workflow_id(id);
    request.set_follow(true);
    auto reader = wire.admin->WatchEvents(&context, request);
    v1::Event event;
    REQUIRE(reader->Read(&event));
    CHECK(event.kind() == "workflow.created");
    auto action = wire.ask().second;
    wire.report(action, proto::ActionStatusRequest::STATE_TYPE_FAILED);
    std::vector<std::string> kinds;
    std::uint64_t sequence = event.sequence();
    while (event.kind() != "workflow.finished" && reader->Read(&event)) {
        CHECK(event.sequence() > sequence);
        sequence = event.sequence();
        kinds.push_back(event.kind());
    }
    CHECK(kinds == std::vector<std::string>{"action.offered", "workflow.started", "action.finished",
                                            "workflow.finished"});
    wire.server->stop();
    CHECK_FALSE(reader->Read(&event));
    CHECK(reader->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("A stream without follow ends, however long the log") {
    AgentWire wire;
    std::vector<Event> many(1000);
    for (auto& event : many) event.kind = "dhcp.ack";
    REQUIRE(wire.engine.append(many));
    grpc::ClientContext context;
    v1::WatchEventsRequest request;
    request.set_from_sequence(11);
    auto reader = wire.admin->WatchEvents(&context, request);
    int count = 0;
    v1::Event event;
    while (reader->Read(&event)) ++count;
    CHECK(reader->Finish().ok());
    CHECK(count == 990);
}

TEST_CASE("A port that is taken is an error") {
    AgentWire wire;
    Rig other;
    auto second = GrpcServer::start({"127.0.0.1", wire.server->port(), std::chrono::seconds(1)},
                                    other.engine, *wire.logs, wire.log);
    CHECK_THAT(failure(second), Contains("cannot listen on 127.0.0.1"));
}
