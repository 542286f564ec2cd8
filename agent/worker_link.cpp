#include "agent/worker_link.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/digest.hpp"
#include "lib/base/log.hpp"
#include "lib/grpc_curl/message.hpp"

namespace osiekit::agent {
namespace {

namespace wire = tink_worker;

// These servers answer at once. The deadline is for those that hang.
constexpr std::chrono::seconds call_deadline{90};
// A worker is told of this many workflows at most.
constexpr std::size_t max_contexts = 1000;

rpc::CallOptions with_deadline() {
    rpc::CallOptions options;
    options.timeout = call_deadline;
    return options;
}

// Not an answer of the server itself.
bool interrupted(rpc::StatusCode code) {
    return code == rpc::StatusCode::unavailable || code == rpc::StatusCode::cancelled ||
           code == rpc::StatusCode::deadline_exceeded;
}

}  // namespace

rpc::RpcStatus WorkerLink::get_actions(WorkerGeneration generation, const std::string& workflow_id,
                                       wire::WorkflowActionList& actions) {
    wire::WorkflowActionsRequest request;
    request.set_workflow_id(workflow_id);
    return rpc::call_unary(channel_, method_path(generation, "GetWorkflowActions"), request,
                           actions, with_deadline());
}

std::pair<std::optional<Action>, rpc::RpcStatus> WorkerLink::get_action(
    WorkerGeneration generation) {
    rpc::Call call =
        channel_.start(method_path(generation, "GetWorkflowContexts"), with_deadline());
    wire::WorkflowContextRequest request;
    request.set_worker_id(id_);
    if (call.write(request.SerializeAsString())) call.close_writes();
    std::vector<wire::WorkflowContext> contexts;
    wire::WorkflowContext context;
    while (contexts.size() < max_contexts && rpc::read_message(call, context))
        contexts.push_back(context);
    if (contexts.size() < max_contexts) {
        rpc::RpcStatus status = call.finish();
        if (!status.ok()) return {std::nullopt, std::move(status)};
    }
    rpc::RpcStatus trouble;
    for (const wire::WorkflowContext& found : contexts) {
        wire::WorkflowActionList actions;
        rpc::RpcStatus status = get_actions(generation, found.workflow_id(), actions);
        if (interrupted(status.code)) return {std::nullopt, std::move(status)};
        // A workflow that cannot be asked for keeps no other one from its turn.
        if (!status.ok()) trouble = std::move(status);
        if (auto position = next_position(generation, found, actions, id_))
            return {worker_action(found.workflow_id(), *position, actions, registry_), {}};
    }
    auto behind = action_behind_done(generation);
    if (!behind.first && behind.second.ok()) behind.second = std::move(trouble);
    return behind;
}

std::pair<std::optional<Action>, rpc::RpcStatus> WorkerLink::action_behind_done(
    WorkerGeneration generation) {
    if (!done_ || generation == WorkerGeneration::kubernetes) return {};
    wire::WorkflowActionList actions;
    rpc::RpcStatus status = get_actions(generation, done_->workflow_id, actions);
    if (!status.ok()) {
        // The workflow may be gone; an interruption passes.
        if (!interrupted(status.code)) done_.reset();
        return {std::nullopt, std::move(status)};
    }
    auto position = following_position(done_->index, actions, id_);
    if (!position) {
        done_.reset();
        return {};
    }
    return {worker_action(done_->workflow_id, *position, actions, registry_), {}};
}

rpc::RpcStatus WorkerLink::report(WorkerGeneration generation, const Report& report) {
    wire::Empty answer;
    auto status = rpc::call_unary(channel_, method_path(generation, "ReportActionStatus"),
                                  worker_status(generation, report, id_, WallClock::now()), answer,
                                  with_deadline());
    auto index = worker_action_index(report.action.action_id);
    if (status.ok() && report.state == Report::State::success && index)
        go_on_after(report.action.workflow_id, *index);
    else if (report.state == Report::State::failed || report.state == Report::State::timeout)
        done_.reset();
    return status;
}

std::variant<std::string, rpc::RpcStatus> WorkerLink::get_data(WorkerGeneration generation,
                                                               const std::string& workflow_id) {
    wire::GetWorkflowDataRequest request;
    request.set_workflow_id(workflow_id);
    wire::GetWorkflowDataResponse answer;
    auto status = rpc::call_unary(channel_, method_path(generation, "GetWorkflowData"), request,
                                  answer, with_deadline());
    if (!status.ok()) return status;
    return answer.data();
}

rpc::RpcStatus WorkerLink::update_data(WorkerGeneration generation, const Action& action,
                                       const std::string& data) {
    nlohmann::json metadata = {{"workerID", id_},
                               {"actionName", action.name},
                               {"taskName", action.task_id},
                               {"updatedAt", rfc3339_now()},
                               {"sha256", Sha256::of(data).hex()}};
    wire::UpdateWorkflowDataRequest request;
    request.set_workflow_id(action.workflow_id);
    request.set_metadata(metadata.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    request.set_data(data);
    wire::Empty answer;
    return rpc::call_unary(channel_, method_path(generation, "UpdateWorkflowData"), request, answer,
                           with_deadline());
}

}  // namespace osiekit::agent
