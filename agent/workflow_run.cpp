#include "agent/workflow_run.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace fs = std::filesystem;

Result<std::string> fetch_document(const Action& action, ServerLink& server, std::uint64_t limit) {
    fs::path directory = action.workflow_directory;
    OSIEKIT_TRY(prepare_workflow_directory(directory));
    if (server.has_workflow_data()) {
        OSIEKIT_ASSIGN(std::string data, server.get_data(action));
        if (data.size() > limit)
            return Error(ErrorKind::limit, "it is larger than " + human_size(limit))
                .hint("max-file-size sets the limit");
        if (!data.empty()) OSIEKIT_TRY(write_file(directory / "data", data));
    }
    return read_file(directory / "data", limit);
}

Status send_document(const Action& action, ServerLink& server, const std::string& before,
                     std::uint64_t limit) {
    OSIEKIT_ASSIGN(auto changed, changed_workflow_data(action.workflow_directory, before, limit));
    if (!changed || !server.has_workflow_data()) return {};
    return server.update_data(action, *changed);
}

}  // namespace

Status prepare_workflow_directory(const fs::path& directory) {
    std::error_code failure;
    fs::create_directories(directory, failure);
    if (failure) return Error(ErrorKind::io, directory.string() + ": " + failure.message());
    if (fs::exists(directory / "data", failure)) return {};
    return write_file(directory / "data", "{}");
}

Result<std::optional<std::string>> changed_workflow_data(const fs::path& directory,
                                                         const std::string& before,
                                                         std::uint64_t limit) {
    OSIEKIT_ASSIGN(std::string after, read_file(directory / "data", limit));
    if (after == before) return std::optional<std::string>();
    if (!nlohmann::json::accept(after))
        return Error(ErrorKind::invalid_input, "/workflow/data is not JSON any more");
    return std::optional<std::string>(std::move(after));
}

std::optional<Action> follow_up(const Action& action, const Outcome& outcome) {
    if (outcome.success()) return std::nullopt;
    bool timeout = outcome.state == OutcomeState::timeout;
    const auto& command = timeout ? action.on_timeout : action.on_failure;
    if (command.empty()) return std::nullopt;
    Action second = action;
    second.command = command;
    second.action_id += timeout ? ":on-timeout" : ":on-failure";
    second.name += timeout ? " (on-timeout)" : " (on-failure)";
    second.timeout = default_timeout;
    return second;
}

Outcome run_in_workflow(const Action& action, ServerLink& server,
                        const std::function<Outcome(const Action&)>& run, const Logger& log,
                        std::uint64_t limit) {
    if (action.workflow_directory.empty()) return run(action);
    auto document = fetch_document(action, server, limit);
    if (!document) log.warning("the workflow's data: " + document.error().to_string());
    Outcome outcome = run(action);
    if (outcome.success() && document) {
        auto sent = send_document(action, server, *document, limit);
        if (!sent) log.warning("the workflow's data is not sent back: " + sent.error().to_string());
    }
    if (auto second = follow_up(action, outcome)) {
        log.info("action \"" + printable(second->name) + "\" starts");
        Outcome after = run(*second);
        // Its outcome is told here and nowhere else.
        log.log(after.success() ? LogLevel::info : LogLevel::error,
                "action \"" + printable(second->name) +
                    "\": " + std::string(to_string(after.state)) +
                    (after.success() ? "" : ": " + printable(after.message, 2000)));
    }
    return outcome;
}

}  // namespace osiekit::agent
