#include "agent/server_link.hpp"

#include <utility>

#include "lib/base/text.hpp"
#include "lib/grpc_curl/message.hpp"

namespace osiekit::agent {
namespace {

// Tinkerbell's server repeats its own failed writes for a minute before it answers.
constexpr std::chrono::seconds report_deadline{90};

rpc::ChannelOptions channel_options(const Settings& settings) {
    rpc::ChannelOptions options;
    options.target = settings.server;
    options.tls = settings.tls;
    options.insecure_tls = settings.insecure_tls;
    // Go's gRPC, which Tinkerbell's agents use, asks the proxy for HTTPS whether TLS is on or not.
    options.proxy = settings.https_proxy;
    options.no_proxy = settings.no_proxy;
    return options;
}

void set_time(proto::Timestamp* target, WallClock::time_point time) {
    auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    target->set_seconds(nanoseconds / 1000000000);
    target->set_nanos(static_cast<std::int32_t>(nanoseconds % 1000000000));
}

proto::ActionStatusRequest::StateType wire_state(Report::State state) {
    switch (state) {
        case Report::State::running:
            return proto::ActionStatusRequest::STATE_TYPE_RUNNING;
        case Report::State::success:
            return proto::ActionStatusRequest::STATE_TYPE_SUCCESS;
        case Report::State::timeout:
            return proto::ActionStatusRequest::STATE_TYPE_TIMEOUT;
        case Report::State::failed:
            break;
    }
    return proto::ActionStatusRequest::STATE_TYPE_FAILED;
}

std::string valid_utf8(std::string text) {
    // A string field with other bytes cannot be sent at all.
    for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return text;
}

}  // namespace

RpcFailure failure_of(const rpc::RpcStatus& status) {
    RpcFailure failure;
    failure.message = status.message;
    switch (status.code) {
        case rpc::StatusCode::invalid_argument:
            failure.code = RpcCode::invalid_argument;
            break;
        case rpc::StatusCode::not_found:
            failure.code = RpcCode::not_found;
            break;
        case rpc::StatusCode::failed_precondition:
            failure.code = RpcCode::failed_precondition;
            break;
        default:
            // The detail of this type says "no action" whatever the code around it.
            if (status.details.find("NO_ACTION_AVAILABLE") != std::string::npos)
                failure.code = RpcCode::failed_precondition;
            failure.message +=
                " (gRPC status " + std::to_string(static_cast<int>(status.code)) + ")";
    }
    return failure;
}

Action from_wire(const proto::ActionResponse& response) {
    Action action;
    action.workflow_id = response.workflow_id();
    action.task_id = response.task_id();
    action.action_id = response.action_id();
    action.name = response.name();
    action.image = response.image();
    // A year is longer than any action; more would overflow the clock.
    constexpr std::int64_t longest = 365LL * 24 * 3600;
    action.timeout = std::chrono::seconds(std::min<std::int64_t>(response.timeout(), longest));
    action.command = {response.command().begin(), response.command().end()};
    action.volumes = {response.volumes().begin(), response.volumes().end()};
    action.environment = {response.environment().begin(), response.environment().end()};
    action.pid_namespace =
        response.namespaces().pid().empty() ? response.pid() : response.namespaces().pid();
    action.network_namespace = response.namespaces().network();
    return action;
}

proto::ActionStatusRequest to_wire(const Report& report, const std::string& agent_id) {
    proto::ActionStatusRequest request;
    const JournalEntry& action = report.action;
    request.set_workflow_id(action.workflow_id);
    request.set_agent_id(agent_id);
    request.set_task_id(action.task_id);
    request.set_action_id(action.action_id);
    request.set_action_name(action.action_name);
    request.set_action_state(wire_state(report.state));
    if (report.state == Report::State::running) {
        request.mutable_execution_start()->set_seconds(year_one_seconds);
        request.mutable_execution_stop()->set_seconds(year_one_seconds);
        request.mutable_message()->set_message("running action");
        return request;
    }
    set_time(request.mutable_execution_start(), action.outcome.start);
    set_time(request.mutable_execution_stop(), action.outcome.stop);
    request.set_execution_duration(
        human_duration(std::chrono::duration_cast<std::chrono::milliseconds>(
            action.outcome.stop - action.outcome.start)));
    request.mutable_message()->set_message(
        valid_utf8(action.outcome.message.empty() ? "action completed" : action.outcome.message));
    return request;
}

ServerLink::ServerLink(std::string id, std::unique_ptr<rpc::Channel> channel)
    : id_(std::move(id)), channel_(std::move(channel)) {}

Result<std::unique_ptr<ServerLink>> ServerLink::create(const Settings& settings) {
    auto channel = rpc::Channel::create(channel_options(settings));
    if (!channel)
        return std::move(channel).error().hint(
            "Tinkerbell's workflow service usually is at port 42113");
    return std::unique_ptr<ServerLink>(new ServerLink(settings.id, std::move(*channel)));
}

std::variant<Action, RpcFailure> ServerLink::get_action(const proto::AgentAttributes* attributes) {
    proto::ActionRequest request;
    request.set_agent_id(id_);
    if (attributes != nullptr) *request.mutable_agent_attributes() = *attributes;
    proto::ActionResponse response;
    auto status = rpc::call_unary(*channel_, "/proto.WorkflowService/GetAction", request, response);
    if (!status.ok()) return failure_of(status);
    return from_wire(response);
}

std::optional<RpcFailure> ServerLink::report(const Report& report) {
    proto::ActionStatusResponse response;
    rpc::CallOptions options;
    options.timeout = report_deadline;
    auto status = rpc::call_unary(*channel_, "/proto.WorkflowService/ReportActionStatus",
                                  to_wire(report, id_), response, options);
    if (status.ok()) return std::nullopt;
    return failure_of(status);
}

void ServerLink::cancel() {
    channel_->shut_down();
}

}  // namespace osiekit::agent
