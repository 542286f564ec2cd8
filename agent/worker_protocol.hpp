#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/action.hpp"
#include "agent/protocol.hpp"
#include "proto/tink_worker.pb.h"

// What tink-worker decided by itself and today's server decides for the agent: which action of a
// workflow comes next (tinkerbell.md 1.2.2 and 1.3). Values in, values out; WorkerLink talks.
namespace osiekit::agent {

// The servers of tink-worker, newest first, by the name of their service.
enum class WorkerGeneration {
    kubernetes,  // v0.9 – v0.12: proto.WorkflowService
    long_names,  // v0.2 – v0.8: github.com.tinkerbell.tink.protos.workflow.WorkflowService
    first,       // v0.1: the same with WorkflowSvc, and with other numbers of states
};

// "/SERVICE/METHOD".
std::string method_path(WorkerGeneration generation, std::string_view method);
// GetWorkflowData and UpdateWorkflowData exist.
bool has_workflow_data(WorkerGeneration generation);

// A workflow may have this many actions.
inline constexpr int max_workflow_actions = 10000;

// Where a workflow's next action is.
struct WorkerPosition {
    std::size_t index = 0;
    bool announced = false;  // the server knows already that it runs
};

// The action that is this worker's to run now. nullopt: none, and that is no error.
std::optional<WorkerPosition> next_position(WorkerGeneration generation,
                                            const tink_worker::WorkflowContext& context,
                                            const tink_worker::WorkflowActionList& actions,
                                            std::string_view worker_id);
// The one after an action that has succeeded, if it is this worker's, too.
std::optional<WorkerPosition> following_position(std::size_t index,
                                                 const tink_worker::WorkflowActionList& actions,
                                                 std::string_view worker_id);

// The action in the agent's terms: the image behind the registry's name if there is one, the
// workflow's directory mounted at /workflow, an id made of the action's place and name.
Action worker_action(const std::string& workflow_id, WorkerPosition position,
                     const tink_worker::WorkflowActionList& actions, std::string_view registry);

// The index in an id that worker_action made; nullopt for another id.
std::optional<std::size_t> worker_action_index(std::string_view action_id);

tink_worker::WorkflowActionStatus worker_status(WorkerGeneration generation, const Report& report,
                                                const std::string& worker_id,
                                                WallClock::time_point now);

// "/worker/ID" for ids that are a relative path of plain names, else nullopt.
std::optional<std::string> workflow_directory(std::string_view workflow_id);

}  // namespace osiekit::agent
