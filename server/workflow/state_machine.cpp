#include "server/workflow/state_machine.hpp"

#include "lib/base/text.hpp"

namespace osiekit::server {
namespace {

constexpr std::size_t max_message = 1024;

std::optional<std::size_t> first_unfinished(const Workflow& workflow) {
    for (std::size_t i = 0; i < workflow.actions.size(); ++i)
        if (workflow.actions[i].state != State::success) return i;
    return std::nullopt;
}

Applied refuse(State reported, std::size_t position, std::string reason) {
    // A start is refused so that nothing runs that should not; an outcome is acknowledged, as an
    // agent would repeat it for ever.
    auto verdict = reported == State::running ? Verdict::not_now : Verdict::ignored;
    return {verdict, position, false, false, std::move(reason)};
}

void finish(Workflow& workflow, State state, UnixMillis now, std::string message) {
    workflow.state = state;
    workflow.finished = now;
    workflow.deadline = 0;
    workflow.message = std::move(message);
}

Applied start(Workflow& workflow, std::size_t position, UnixMillis now) {
    Action& action = workflow.actions[position];
    Applied applied{Verdict::accepted, position, false, false, {}};
    if (action.state == State::running && action.started_offer == action.offers)
        return {Verdict::repeated, position, false, false, {}};
    action.state = State::running;
    action.started = now;
    action.started_offer = action.offers;
    if (workflow.state == State::pending) {
        applied.workflow_started = true;
        workflow.state = State::running;
        workflow.started = now;
        if (workflow.global_timeout_seconds > 0)
            workflow.deadline = now + workflow.global_timeout_seconds * 1000;
    }
    return applied;
}

Applied end(Workflow& workflow, std::size_t position, const Report& report, UnixMillis now) {
    Applied applied = start(workflow, position, now);  // for a start that was lost on the way
    applied.verdict = Verdict::accepted;
    Action& action = workflow.actions[position];
    action.state = report.state;
    action.finished = now;
    action.message = printable(report.message, max_message);
    if (report.state != State::success) {
        std::string text =
            "action \"" + action.name + "\" ended with " + std::string(to_string(report.state));
        if (!action.message.empty()) text += ": " + action.message;
        finish(workflow, report.state, now, std::move(text));
        applied.workflow_finished = true;
    } else if (position + 1 == workflow.actions.size()) {
        finish(workflow, State::success, now, "");
        applied.workflow_finished = true;
    }
    return applied;
}

}  // namespace

std::optional<std::size_t> next_action(const Workflow& workflow,
                                       const std::set<std::string>& agent_ids) {
    if (is_final(workflow.state)) return std::nullopt;
    auto position = first_unfinished(workflow);
    if (!position) return std::nullopt;
    const Action& action = workflow.actions[*position];
    if (is_final(action.state) || !agent_ids.contains(action.agent_id)) return std::nullopt;
    return position;
}

void note_offer(Action& action) {
    ++action.offers;
}

Applied apply_report(Workflow& workflow, const Report& report,
                     const std::set<std::string>& agent_ids, UnixMillis now) {
    std::size_t position = 0;
    while (position < workflow.actions.size() && workflow.actions[position].id != report.action_id)
        ++position;
    if (position == workflow.actions.size())
        return refuse(report.state, 0, "the workflow has no such action");
    const Action& action = workflow.actions[position];
    if (!agent_ids.contains(action.agent_id))
        return refuse(report.state, position, "the action belongs to " + action.agent_id);
    if (report.state == State::pending) return {Verdict::repeated, position, false, false, {}};
    if (is_final(action.state)) {
        if (action.state == report.state) return {Verdict::repeated, position, false, false, {}};
        return refuse(report.state, position,
                      "the action has ended with " + std::string(to_string(action.state)));
    }
    if (is_final(workflow.state))
        return refuse(report.state, position,
                      "the workflow has ended with " + std::string(to_string(workflow.state)));
    if (first_unfinished(workflow) != position)
        return refuse(report.state, position, "an earlier action is not done");
    if (report.state == State::running) return start(workflow, position, now);
    return end(workflow, position, report, now);
}

bool expire(Workflow& workflow, UnixMillis now) {
    if (workflow.state != State::running || workflow.deadline == 0 || now < workflow.deadline)
        return false;
    std::string where;
    if (auto position = first_unfinished(workflow)) {
        Action& action = workflow.actions[*position];
        where = " during action \"" + action.name + "\"";
        if (action.state == State::running) {
            action.state = State::timeout;
            action.finished = now;
            action.message = "the workflow's global_timeout ended it";
        }
    }
    finish(workflow, State::timeout, now,
           "global_timeout of " + std::to_string(workflow.global_timeout_seconds) + " s was over" +
               where);
    return true;
}

}  // namespace osiekit::server
