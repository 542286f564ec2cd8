#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "server/model/workflow.hpp"

namespace osiekit::server {

// Numbers from the template format (tinkerbell.md 3.1).
constexpr std::size_t max_template_name = 199;
constexpr std::size_t max_actions = 1000;
constexpr std::int64_t max_timeout_seconds = 365LL * 24 * 3600;
// What `timeout: 0`, or none, becomes: the hour that workers before 2025 took; current agents would
// take 0 as "already over" (1.4.1).
constexpr std::int64_t default_action_timeout_seconds = 3600;

struct TaskDocument {
    std::string name;
    std::string worker;
    std::vector<Action> actions;  // without ids; agent_id is the worker
};

// A rendered template, checked.
struct WorkflowDocument {
    std::string name;
    std::int64_t global_timeout_seconds = 0;  // 0: none
    std::vector<TaskDocument> tasks;
    std::vector<std::string> warnings;
};

// Reads the YAML that a template renders to. All problems at once, each with line and field path,
// and the hint to quote what was rendered where YAML took it for something else.
Result<WorkflowDocument> parse_workflow_document(std::string_view yaml);

}  // namespace osiekit::server
