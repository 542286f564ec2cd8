#include "agent/protocol.hpp"

#include <algorithm>
#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

JournalEntry entry_for(const Action& action) {
    JournalEntry entry;
    entry.workflow_id = action.workflow_id;
    entry.task_id = action.task_id;
    entry.action_id = action.action_id;
    entry.action_name = action.name;
    return entry;
}

bool permanent(RpcCode code) {
    return code != RpcCode::other;
}

}  // namespace

Report::State report_state(OutcomeState state) {
    switch (state) {
        case OutcomeState::success:
            return Report::State::success;
        case OutcomeState::timeout:
            return Report::State::timeout;
        case OutcomeState::failed:
            break;
    }
    return Report::State::failed;
}

Protocol::Protocol(Backoff backoff, std::vector<JournalEntry> remembered)
    : backoff_(std::move(backoff)) {
    bool interrupted = false;
    bool succeeded = false;
    for (JournalEntry& entry : remembered) {
        interrupted = interrupted || entry.phase == JournalEntry::Phase::started;
        succeeded =
            succeeded || (entry.phase == JournalEntry::Phase::settled && entry.outcome.success());
        if (entry.phase == JournalEntry::Phase::finished) unreported_.push_back(std::move(entry));
    }
    std::sort(unreported_.begin(), unreported_.end(),
              [](const JournalEntry& a, const JournalEntry& b) {
                  return a.outcome.stop < b.outcome.stop;
              });
    if (!unreported_.empty()) {
        note(LogLevel::info, "reporting what an earlier agent of this boot has done");
        report_outcome(unreported_.front());
    } else if (succeeded && !interrupted) {
        // The earlier agent may have been stopped between the acknowledgement and the reboot.
        step_ = CheckEnding{};
    }
}

void Protocol::ask_later() {
    after_pause_ = AskForAction{};
    step_ = Pause{backoff_.next()};
}

void Protocol::note_trouble(const std::string& text) {
    if (text == last_trouble_) return;
    last_trouble_ = text;
    note(LogLevel::warning, text);
}

void Protocol::report_outcome(JournalEntry entry) {
    Report::State state = report_state(entry.outcome.state);
    step_ = SendReport{{std::move(entry), state}};
}

void Protocol::on_no_action(const RpcFailure& failure) {
    // "Nothing to do" is said with these two and is no news.
    bool quiet = failure.code == RpcCode::failed_precondition || failure.code == RpcCode::not_found;
    if (quiet)
        last_trouble_.clear();
    else
        note_trouble("asking for an action: " + printable(failure.message));
    ask_later();
}

void Protocol::on_action(Action action, const std::optional<JournalEntry>& remembered) {
    last_trouble_.clear();
    action_ = std::move(action);
    if (action_.timeout.count() <= 0) action_.timeout = default_timeout;
    // Where ids are places in a workflow, an acknowledged success may be an older workflow's.
    bool counts = remembered && (action_.id_is_unique || action_.announced ||
                                 remembered->phase == JournalEntry::Phase::finished);
    if (counts && remembered->phase != JournalEntry::Phase::started &&
        remembered->outcome.success()) {
        note(LogLevel::info, "action \"" + printable(action_.name) +
                                 "\" has already succeeded; its result is reported again");
        report_outcome(*remembered);
        return;
    }
    std::string verb =
        counts ? "is run again: an earlier attempt was interrupted or failed" : "starts";
    note(LogLevel::info, "action \"" + printable(action_.name) + "\" " + verb + " (image " +
                             printable(action_.image) + ", timeout " +
                             human_duration(action_.timeout) + ")");
    if (action_.announced) {
        journal_entry_ = entry_for(action_);
        step_ = Execute{action_};
        return;
    }
    step_ = SendReport{{entry_for(action_), Report::State::running}};
}

void Protocol::on_executed(const Outcome& outcome) {
    JournalEntry entry = entry_for(action_);
    entry.phase = JournalEntry::Phase::finished;
    entry.outcome = outcome;
    auto taken =
        std::chrono::duration_cast<std::chrono::milliseconds>(outcome.stop - outcome.start);
    note(outcome.success() ? LogLevel::info : LogLevel::error,
         "action \"" + printable(action_.name) + "\": " + std::string(to_string(outcome.state)) +
             " after " + human_duration(taken) +
             (outcome.success() ? "" : ": " + printable(outcome.message, 2000)));
    journal_entry_ = entry;
    report_outcome(std::move(entry));
}

void Protocol::settle(bool acknowledged) {
    JournalEntry entry = std::get<SendReport>(step_).report.action;
    if (!unreported_.empty()) unreported_.pop_front();
    entry.phase = JournalEntry::Phase::settled;
    journal_entry_ = entry;
    if (acknowledged) {
        last_trouble_.clear();
        backoff_.reset();
    }
    if (!unreported_.empty())
        report_outcome(unreported_.front());
    else if (acknowledged && entry.outcome.success())
        step_ = CheckEnding{};
    else if (acknowledged)
        step_ = AskForAction{};
    else
        ask_later();
}

void Protocol::on_reported(const std::optional<RpcFailure>& failure) {
    const Report& report = std::get<SendReport>(step_).report;
    if (report.state == Report::State::running) {
        if (!failure) {
            journal_entry_ = report.action;
            step_ = Execute{action_};
            return;
        }
        note_trouble("reporting the start of \"" + printable(action_.name) +
                     "\": " + printable(failure->message));
        ask_later();
        return;
    }
    if (!failure) {
        settle(true);
        return;
    }
    std::string name = printable(report.action.action_name);
    if (permanent(failure->code)) {
        // tink-agent ends here; there is nobody to start it again with a better idea.
        note(LogLevel::error,
             "the server refuses the result of \"" + name + "\": " + printable(failure->message));
        settle(false);
        return;
    }
    note_trouble("reporting the result of \"" + name + "\": " + printable(failure->message) +
                 "; trying until it is taken");
    after_pause_ = step_;
    step_ = Pause{backoff_.next()};
}

void Protocol::on_paused() {
    step_ = after_pause_;
}

void Protocol::on_ending_checked() {
    step_ = AskForAction{};
}

std::optional<JournalEntry> Protocol::take_journal_entry() {
    return std::exchange(journal_entry_, std::nullopt);
}

std::vector<Protocol::Note> Protocol::take_notes() {
    return std::exchange(notes_, {});
}

}  // namespace osiekit::agent
