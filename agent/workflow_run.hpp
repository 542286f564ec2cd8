#pragma once

#include <filesystem>
#include <functional>

#include "agent/action.hpp"
#include "agent/server_link.hpp"
#include "lib/base/log.hpp"

// What tink-worker did around an action (tinkerbell.md 1.2.2): the workflow's directory and its
// document, and the commands for a failure or a timeout.
namespace osiekit::agent {

// Runs the action by `run`. Trouble with the document is logged and stops nothing, as the action
// may not need it. `limit`: of the document, in bytes. Nothing is done around actions without a
// workflow directory.
Outcome run_in_workflow(const Action& action, ServerLink& server,
                        const std::function<Outcome(const Action&)>& run, const Logger& log,
                        std::uint64_t limit = max_workflow_data_bytes);

// The run that follows such an outcome: the same image, mounts and environment with the command
// that the template gives for it. nullopt: there is none.
std::optional<Action> follow_up(const Action& action, const Outcome& outcome);

// Makes the directory, with "{}" as its document if there is none. Errors: io.
Status prepare_workflow_directory(const std::filesystem::path& directory);

// The document, if it is no longer `before`, is JSON and is not too large; invalid_input or limit
// if it is neither.
Result<std::optional<std::string>> changed_workflow_data(
    const std::filesystem::path& directory, const std::string& before,
    std::uint64_t limit = max_workflow_data_bytes);

}  // namespace osiekit::agent
