#include "agent/server_link.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "lib/base/text.hpp"
#include "lib/grpc_curl/message.hpp"

namespace osiekit::agent {
namespace {

// Tinkerbell's server repeats its own failed writes for a minute before it answers.
constexpr std::chrono::seconds report_deadline{90};

using Generation = ServerLink::Generation;
constexpr std::array<Generation, 4> all_generations = {Generation::agent, Generation::kubernetes,
                                                       Generation::long_names, Generation::first};

WorkerGeneration worker_generation(Generation generation) {
    switch (generation) {
        case Generation::long_names:
            return WorkerGeneration::long_names;
        case Generation::first:
            return WorkerGeneration::first;
        default:
            return WorkerGeneration::kubernetes;
    }
}

rpc::ChannelOptions channel_options(const Settings& settings, const std::string& ca_pem) {
    rpc::ChannelOptions options;
    options.target = settings.server;
    options.tls = settings.tls;
    options.insecure_tls = settings.insecure_tls;
    options.ca_pem = ca_pem;
    // Go's gRPC, which Tinkerbell's agents use, asks the proxy for HTTPS whether TLS is on or not.
    options.proxy = settings.https_proxy;
    options.no_proxy = settings.no_proxy;
    // A workflow's data comes in one message, with little around it.
    constexpr std::size_t around = 64U << 10U;
    options.max_message_bytes =
        std::max<std::size_t>(options.max_message_bytes, settings.max_workflow_data + around);
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
    action.timeout = longest_timeout(response.timeout());
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
        ascii_text(action.outcome.message.empty() ? "action completed" : action.outcome.message));
    return request;
}

ServerLink::ServerLink(const Settings& settings, std::unique_ptr<rpc::Channel> channel)
    : id_(settings.id),
      channel_(std::move(channel)),
      worker_(*channel_, settings.id, settings.registry) {}

Result<std::unique_ptr<ServerLink>> ServerLink::create(const Settings& settings,
                                                       const std::string& ca_pem) {
    auto channel = rpc::Channel::create(channel_options(settings, ca_pem));
    if (!channel)
        return std::move(channel).error().hint(
            "Tinkerbell's workflow service usually is at port 42113");
    return std::unique_ptr<ServerLink>(new ServerLink(settings, std::move(*channel)));
}

std::pair<std::optional<Action>, rpc::RpcStatus> ServerLink::ask(Generation generation,
                                                                 const Attributes& attributes) {
    if (generation != Generation::agent) return worker_.get_action(worker_generation(generation));
    proto::ActionRequest request;
    request.set_agent_id(id_);
    if (attributes) *request.mutable_agent_attributes() = attributes();
    proto::ActionResponse response;
    auto status = rpc::call_unary(*channel_, "/proto.WorkflowService/GetAction", request, response);
    if (!status.ok()) return {std::nullopt, std::move(status)};
    if (response.workflow_id().empty() || response.action_id().empty())
        return {std::nullopt,
                {rpc::StatusCode::internal, "the server's action has no id to report it by", {}}};
    return {from_wire(response), {}};
}

std::variant<Action, RpcFailure> ServerLink::get_action(const Attributes& attributes) {
    using rpc::StatusCode;
    std::vector<Generation> order(all_generations.begin(), all_generations.end());
    // What it was the last time comes first; a server that was replaced is found out.
    if (generation_) order.insert(order.begin(), *generation_);
    rpc::RpcStatus status;
    for (Generation generation : order) {
        auto [action, answered] = ask(generation, attributes);
        status = std::move(answered);
        if (status.code == StatusCode::unimplemented) continue;
        // Not an answer of the server itself.
        bool silent = status.code == StatusCode::unavailable ||
                      status.code == StatusCode::cancelled ||
                      status.code == StatusCode::deadline_exceeded;
        if (!silent) generation_ = generation;
        if (action) return std::move(*action);
        if (status.ok()) return RpcFailure{RpcCode::failed_precondition, "no workflow"};
        return failure_of(status);
    }
    generation_.reset();
    return RpcFailure{RpcCode::other,
                      "it speaks none of Tinkerbell's protocols: " + failure_of(status).message};
}

std::optional<RpcFailure> ServerLink::report(const Report& report) {
    bool of_worker = worker_action_index(report.action.action_id).has_value();
    if (of_worker && (!generation_ || *generation_ == Generation::agent)) {
        // An earlier agent's result, before this one has asked for anything.
        auto asked = get_action({});
        if (!generation_ || *generation_ == Generation::agent)
            return std::holds_alternative<RpcFailure>(asked)
                       ? std::get<RpcFailure>(asked)
                       : RpcFailure{RpcCode::other, "the server is of another generation now"};
    }
    rpc::RpcStatus status;
    if (of_worker) {
        status = worker_.report(worker_generation(*generation_), report);
    } else {
        proto::ActionStatusResponse response;
        rpc::CallOptions options;
        options.timeout = report_deadline;
        status = rpc::call_unary(*channel_, "/proto.WorkflowService/ReportActionStatus",
                                 to_wire(report, id_), response, options);
    }
    if (status.ok()) return std::nullopt;
    return failure_of(status);
}

void ServerLink::remember(const std::vector<JournalEntry>& journal) {
    const JournalEntry* last = nullptr;
    for (const JournalEntry& entry : journal)
        if (entry.phase == JournalEntry::Phase::settled && entry.outcome.success() &&
            worker_action_index(entry.action_id) &&
            (last == nullptr || last->outcome.stop < entry.outcome.stop))
            last = &entry;
    if (last != nullptr)
        worker_.go_on_after(last->workflow_id, *worker_action_index(last->action_id));
}

bool ServerLink::has_workflow_data() const {
    return generation_ && *generation_ != Generation::agent &&
           agent::has_workflow_data(worker_generation(*generation_));
}

Result<std::string> ServerLink::get_data(const Action& action) {
    auto answer = worker_.get_data(worker_generation(*generation_), action.workflow_id);
    if (auto* data = std::get_if<std::string>(&answer)) return std::move(*data);
    return Error(ErrorKind::network, failure_of(std::get<rpc::RpcStatus>(answer)).message);
}

Status ServerLink::update_data(const Action& action, const std::string& data) {
    auto status = worker_.update_data(worker_generation(*generation_), action, data);
    if (status.ok()) return {};
    return Error(ErrorKind::network, failure_of(status).message);
}

void ServerLink::cancel() {
    channel_->shut_down();
}

std::string_view to_string(ServerLink::Generation generation) {
    switch (generation) {
        case ServerLink::Generation::agent:
            return "GetAction (2025 and later)";
        case ServerLink::Generation::kubernetes:
            return "tink-worker's of v0.9 to v0.12";
        case ServerLink::Generation::long_names:
            return "tink-worker's of v0.2 to v0.8";
        case ServerLink::Generation::first:
            break;
    }
    return "tink-worker's of v0.1";
}

}  // namespace osiekit::agent
