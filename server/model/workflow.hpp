#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/model/time.hpp"

namespace osiekit::server {

// States of actions and of workflows. Names as Tinkerbell's v1alpha1 API writes them.
enum class State { pending, running, success, failed, timeout };

std::string_view to_string(State state);  // "PENDING", …
std::optional<State> parse_state(std::string_view text);
constexpr bool is_final(State state) {
    return state != State::pending && state != State::running;
}

// What an agent is told to run (template keys; tinkerbell.md 3.1). Merged with its task already.
struct ActionSpec {
    std::string image;
    std::vector<std::string> command;
    std::vector<std::string> volumes;      // the task's, then the action's
    std::vector<std::string> environment;  // KEY=VALUE, sorted by key; the action's value wins
    std::string pid;                       // deprecated spelling of namespace_pid
    std::string namespace_network;
    std::string namespace_pid;
};

struct Action {
    std::string id;  // ULID
    std::string task_id;
    std::string task;
    std::string agent_id;  // who runs it: the task's rendered `worker`
    std::string name;
    ActionSpec spec;
    std::int64_t timeout_seconds = 0;  // never 0 once a workflow is made
    State state = State::pending;
    std::int64_t offers = 0;         // how often it was handed out
    std::int64_t started_offer = 0;  // the offer that the last accepted start belongs to
    UnixMillis started = 0;          // server's clock
    UnixMillis finished = 0;
    std::string message;
};

struct Workflow {
    std::string id;  // ULID
    std::string template_name;
    std::string hardware;  // record name
    State state = State::pending;
    UnixMillis created = 0;
    UnixMillis started = 0;
    UnixMillis finished = 0;
    std::int64_t global_timeout_seconds = 0;  // 0: none
    UnixMillis deadline = 0;                  // set when the first action starts; 0: none
    std::string message;
    std::string rendered;
    std::vector<Action> actions;  // over all tasks, in order
};

}  // namespace osiekit::server
