#include "agent/agent_loop.hpp"

#include <optional>

namespace osiekit::agent {
namespace {

class Loop {
  public:
    Loop(Protocol protocol, const LoopParts& parts) : protocol_(std::move(protocol)), p_(parts) {}

    void run() {
        while (!p_.stop.requested() && !machine_ends_) {
            book_keeping();
            // A copy: the step changes while it is being taken.
            Step step = protocol_.next();
            std::visit([this](const auto& taken) { take(taken); }, step);
        }
        book_keeping();
    }

  private:
    // Before a step is taken, what led to it is in the journal.
    void book_keeping() {
        for (const auto& note : protocol_.take_notes()) p_.log.log(note.level, note.text);
        auto entry = protocol_.take_journal_entry();
        if (!entry) return;
        if (auto written = p_.journal.record(*entry); !written)
            p_.log.error(written.error().to_string() +
                         "; if the agent is killed now, an action may run twice");
    }
    void take(const AskForAction&) {
        if (!asked_) p_.log.info("first GetAction");
        asked_ = true;
        auto answer = p_.server.get_action(p_.attributes);
        if (p_.stop.requested()) return;
        if (auto generation = p_.server.generation(); generation && generation != generation_) {
            generation_ = generation;
            p_.log.info("the server's protocol: " + std::string(to_string(*generation)));
        }
        if (auto* action = std::get_if<Action>(&answer)) {
            auto remembered = p_.journal.find(action->workflow_id, action->action_id);
            protocol_.on_action(std::move(*action), remembered);
        } else {
            protocol_.on_no_action(std::get<RpcFailure>(answer));
        }
    }
    void take(const SendReport& step) {
        auto failure = p_.server.report(step.report);
        if (failure && p_.stop.requested()) return;
        protocol_.on_reported(failure);
    }
    void take(const Execute& step) {
        Outcome outcome =
            run_in_workflow(step.action, p_.server, p_.run, p_.log, p_.max_workflow_data);
        // An action that was cut off by our own end has no outcome; it is served again.
        if (p_.stop.requested() && !outcome.success()) return;
        protocol_.on_executed(outcome);
    }
    void take(const Pause& step) {
        if (!p_.stop.wait(step.length)) protocol_.on_paused();
    }
    void take(const CheckEnding&) {
        if (p_.end_if_asked())
            machine_ends_ = true;
        else
            protocol_.on_ending_checked();
    }

    Protocol protocol_;
    const LoopParts& p_;
    std::optional<ServerLink::Generation> generation_;
    bool asked_ = false;
    bool machine_ends_ = false;
};

}  // namespace

void run_agent_loop(Protocol protocol, const LoopParts& parts) {
    Loop(std::move(protocol), parts).run();
}

}  // namespace osiekit::agent
