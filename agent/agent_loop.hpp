#pragma once

#include <functional>

#include "agent/journal.hpp"
#include "agent/protocol.hpp"
#include "agent/server_link.hpp"
#include "agent/stop_signal.hpp"
#include "agent/workflow_run.hpp"
#include "lib/base/log.hpp"

namespace osiekit::agent {

// What the loop needs of the world around it.
struct LoopParts {
    ServerLink& server;
    const Journal& journal;
    const StopSignal& stop;
    const Logger& log;
    // What the machine is, looked at before each question, as disks and cards appear while their
    // drivers are loaded; empty: not sent.
    ServerLink::Attributes attributes;
    // Runs the action to its end. Called on the loop's thread.
    std::function<Outcome(const Action&)> run;
    // Reboots or powers off if an action asked for it; true: the machine is going down.
    std::function<bool()> end_if_asked;
    std::uint64_t max_workflow_data = max_workflow_data_bytes;
};

// Asks for actions, runs them and reports until the stop signal or the end of the machine. Never
// fails: trouble is logged and tried again.
void run_agent_loop(Protocol protocol, const LoopParts& parts);

}  // namespace osiekit::agent
