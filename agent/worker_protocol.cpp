#include "agent/worker_protocol.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace wire = tink_worker;

// v0.1 counts the states of actions differently.
wire::State state_for(WorkerGeneration generation, Report::State state) {
    bool first = generation == WorkerGeneration::first;
    switch (state) {
        case Report::State::running:
            return wire::STATE_RUNNING;
        case Report::State::success:
            return first ? static_cast<wire::State>(2) : wire::STATE_SUCCESS;
        case Report::State::timeout:
            return first ? static_cast<wire::State>(4) : wire::STATE_TIMEOUT;
        case Report::State::failed:
            break;
    }
    return first ? static_cast<wire::State>(3) : wire::STATE_FAILED;
}

wire::State state_from(WorkerGeneration generation, wire::State state) {
    if (generation != WorkerGeneration::first) return state;
    switch (static_cast<int>(state)) {
        case 2:
            return wire::STATE_SUCCESS;
        case 3:
            return wire::STATE_FAILED;
        case 4:
            return wire::STATE_TIMEOUT;
        default:
            return state;
    }
}

std::optional<WorkerPosition> if_mine(WorkerPosition position,
                                      const wire::WorkflowActionList& actions,
                                      std::string_view worker_id) {
    int count = std::min(actions.action_list_size(), max_workflow_actions);
    if (position.index >= static_cast<std::size_t>(count)) return std::nullopt;
    // Ids are MACs for most servers, which people write in either case.
    const auto& action = actions.action_list(static_cast<int>(position.index));
    if (!equal_ignoring_case(action.worker_id(), worker_id)) return std::nullopt;
    return position;
}

bool plain_name(std::string_view name) {
    if (name.empty() || name == "." || name == "..") return false;
    return std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

}  // namespace

std::string method_path(WorkerGeneration generation, std::string_view method) {
    std::string service = "proto.WorkflowService";
    if (generation == WorkerGeneration::long_names)
        service = "github.com.tinkerbell.tink.protos.workflow.WorkflowService";
    if (generation == WorkerGeneration::first)
        service = "github.com.tinkerbell.tink.protos.workflow.WorkflowSvc";
    return "/" + service + "/" + std::string(method);
}

bool has_workflow_data(WorkerGeneration generation) {
    return generation != WorkerGeneration::kubernetes;
}

std::optional<WorkerPosition> next_position(WorkerGeneration generation,
                                            const wire::WorkflowContext& context,
                                            const wire::WorkflowActionList& actions,
                                            std::string_view worker_id) {
    if (context.current_action_index() < 0) return std::nullopt;
    auto index = static_cast<std::size_t>(context.current_action_index());
    // Nothing has been reported yet.
    if (context.current_action().empty()) return if_mine({0, false}, actions, worker_id);
    switch (state_from(generation, context.current_action_state())) {
        case wire::STATE_PENDING:
            return if_mine({index, false}, actions, worker_id);
        case wire::STATE_RUNNING:
            // Another report would be taken for the next action's by the Postgres-era servers.
            return if_mine({index, true}, actions, worker_id);
        case wire::STATE_SUCCESS:
            return following_position(index, actions, worker_id);
        default:
            return std::nullopt;
    }
}

std::optional<WorkerPosition> following_position(std::size_t index,
                                                 const wire::WorkflowActionList& actions,
                                                 std::string_view worker_id) {
    if (index >= static_cast<std::size_t>(max_workflow_actions)) return std::nullopt;
    return if_mine({index + 1, false}, actions, worker_id);
}

Action worker_action(const std::string& workflow_id, WorkerPosition position,
                     const wire::WorkflowActionList& actions, std::string_view registry) {
    const auto& from = actions.action_list(static_cast<int>(position.index));
    Action action;
    action.workflow_id = workflow_id;
    action.task_id = from.task_name();
    action.action_id = std::to_string(position.index) + ":" + from.task_name() + ":" + from.name();
    action.name = from.name();
    action.image = registry.empty() ? from.image() : std::string(registry) + "/" + from.image();
    action.timeout = longest_timeout(from.timeout());
    action.command = {from.command().begin(), from.command().end()};
    action.volumes = {from.volumes().begin(), from.volumes().end()};
    if (auto directory = workflow_directory(workflow_id)) {
        action.workflow_directory = *directory;
        action.volumes.insert(action.volumes.begin(), *directory + ":/workflow");
    }
    action.environment = {from.environment().begin(), from.environment().end()};
    action.pid_namespace = from.pid();
    action.on_failure = {from.on_failure().begin(), from.on_failure().end()};
    action.on_timeout = {from.on_timeout().begin(), from.on_timeout().end()};
    action.announced = position.announced;
    action.id_is_unique = false;
    return action;
}

std::optional<std::size_t> worker_action_index(std::string_view action_id) {
    std::size_t colon = action_id.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto index = parse_u64(action_id.substr(0, colon));
    if (!index || *index >= static_cast<std::uint64_t>(max_workflow_actions)) return std::nullopt;
    return static_cast<std::size_t>(*index);
}

wire::WorkflowActionStatus worker_status(WorkerGeneration generation, const Report& report,
                                         const std::string& worker_id, WallClock::time_point now) {
    wire::WorkflowActionStatus status;
    status.set_workflow_id(report.action.workflow_id);
    status.set_task_name(report.action.task_id);
    status.set_action_name(report.action.action_name);
    status.set_action_status(state_for(generation, report.state));
    status.set_worker_id(worker_id);
    auto since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    status.mutable_created_at()->set_seconds(since.count());
    if (report.state == Report::State::running) {
        status.set_message("Started execution");
        return status;
    }
    const Outcome& outcome = report.action.outcome;
    auto taken = std::chrono::duration_cast<std::chrono::seconds>(outcome.stop - outcome.start);
    status.set_seconds(std::max<std::int64_t>(taken.count(), 0));
    status.set_message(outcome.success() ? "finished execution successfully"
                                         : ascii_text(outcome.message));
    return status;
}

std::optional<std::string> workflow_directory(std::string_view workflow_id) {
    constexpr std::size_t longest = 512;
    auto names = split(workflow_id, '/');
    if (workflow_id.size() > longest || !std::all_of(names.begin(), names.end(), plain_name))
        return std::nullopt;
    return "/worker/" + std::string(workflow_id);
}

}  // namespace osiekit::agent
