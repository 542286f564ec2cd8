#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/action.hpp"
#include "agent/backoff.hpp"
#include "agent/journal.hpp"
#include "lib/base/log.hpp"

// The agent's side of the workflow protocol as a pure state machine (tinkerbell.md 1.4.1): it is
// told what happened and says what to do next. It neither waits nor talks; AgentLoop does.
namespace osiekit::agent {

// What the loop distinguishes of gRPC's status codes.
enum class RpcCode { invalid_argument, not_found, failed_precondition, other };

struct RpcFailure {
    RpcCode code = RpcCode::other;
    std::string message;
};

// A status report about an action.
struct Report {
    enum class State { running, success, failed, timeout };
    JournalEntry action;  // ids and, unless running, the outcome
    State state = State::running;
};

// What to do next.
struct AskForAction {};
struct SendReport {
    Report report;
};
struct Execute {
    Action action;
};
struct Pause {
    std::chrono::milliseconds length;
};
// Look whether an action left the wish to reboot or power off.
struct CheckEnding {};
using Step = std::variant<AskForAction, SendReport, Execute, Pause, CheckEnding>;

class Protocol {
  public:
    // `remembered` is the journal at the start: unreported outcomes are reported first.
    Protocol(Backoff backoff, std::vector<JournalEntry> remembered);

    // What to do; stays the same until one of the on_… calls says how it went.
    const Step& next() const { return step_; }

    void on_action(Action action, const std::optional<JournalEntry>& remembered);
    void on_no_action(const RpcFailure& failure);
    // nullopt: acknowledged.
    void on_reported(const std::optional<RpcFailure>& failure);
    void on_executed(const Outcome& outcome);
    void on_paused();
    void on_ending_checked();

    // The entry to be written to the journal before the next step is taken, once.
    std::optional<JournalEntry> take_journal_entry();

    struct Note {
        LogLevel level;
        std::string text;
    };
    // What a person may want to read, once.
    std::vector<Note> take_notes();

  private:
    void ask_later();
    void report_outcome(JournalEntry entry);
    void settle(bool acknowledged);
    void note(LogLevel level, std::string text) { notes_.push_back({level, std::move(text)}); }
    void note_trouble(const std::string& text);

    Backoff backoff_;
    std::deque<JournalEntry> unreported_;
    Step step_ = AskForAction{};
    Step after_pause_ = AskForAction{};
    Action action_;
    std::optional<JournalEntry> journal_entry_;
    std::vector<Note> notes_;
    std::string last_trouble_;  // told once, not each time
};

Report::State report_state(OutcomeState state);

}  // namespace osiekit::agent
