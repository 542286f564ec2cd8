#pragma once

#include <optional>
#include <set>
#include <string>

#include "server/model/workflow.hpp"

namespace osiekit::server {

// What an agent tells of an action (tinkerbell.md 1.4.1). Its clock is not trusted: machines start
// with any time, and the first report carries year 1.
struct Report {
    std::string workflow_id;
    std::string agent_id;
    std::string task_id;
    std::string action_id;
    State state = State::pending;
    std::string message;
    std::string duration;  // for people
};

enum class Verdict {
    accepted,  // changed something
    repeated,  // known already: answer as before, log nothing
    ignored,   // an outcome that comes too late or from a stranger: acknowledge, change nothing
    not_now,   // a start of something that must not run: the agent should ask again
};

// Pure rules, no clock, no store: each changes the workflow that it is given and says what it did.

// Position of the action that one of these agents has to run now: the first that is not SUCCESS, if
// the workflow is unfinished and the action is theirs. PENDING and RUNNING ones are served alike,
// so that an agent that lost its memory does it again.
std::optional<std::size_t> next_action(const Workflow& workflow,
                                       const std::set<std::string>& agent_ids);

// Notes that the action was handed out.
void note_offer(Action& action);

struct Applied {
    Verdict verdict = Verdict::ignored;
    std::size_t position = 0;       // of the action, unless it is unknown
    bool workflow_started = false;  // with this report
    bool workflow_finished = false;
    std::string reason;  // for ignored and not_now
};

Applied apply_report(Workflow& workflow, const Report& report,
                     const std::set<std::string>& agent_ids, UnixMillis now);

// Ends a running workflow whose deadline has come; false if it has not.
bool expire(Workflow& workflow, UnixMillis now);

}  // namespace osiekit::server
