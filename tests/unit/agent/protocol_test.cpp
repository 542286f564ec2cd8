#include "agent/protocol.hpp"

#include <catch2/catch.hpp>

using namespace osiekit;
using namespace osiekit::agent;

namespace {

Backoff backoff() {
    return {std::chrono::milliseconds(5000), [] { return 0.5; }};
}
Protocol fresh() {
    return {backoff(), {}};
}

Action an_action() {
    Action action;
    action.workflow_id = "w";
    action.task_id = "t";
    action.action_id = "a";
    action.name = "do it";
    action.timeout = std::chrono::seconds(30);
    return action;
}

Outcome outcome(OutcomeState state) {
    Outcome result;
    result.state = state;
    result.message = "said";
    return result;
}

JournalEntry entry(const std::string& id, JournalEntry::Phase phase, OutcomeState state) {
    JournalEntry made;
    made.workflow_id = "w";
    made.action_id = id;
    made.phase = phase;
    made.outcome.state = state;
    return made;
}

template <typename T>
bool next_is(const Protocol& protocol) {
    return std::holds_alternative<T>(protocol.next());
}
const Report& report(const Protocol& protocol) {
    return std::get<SendReport>(protocol.next()).report;
}
RpcFailure failure(RpcCode code) {
    return {code, "why"};
}

}  // namespace

TEST_CASE("a good action: announced, run, reported, then the next") {
    Protocol protocol = fresh();
    REQUIRE(next_is<AskForAction>(protocol));
    protocol.on_action(an_action(), std::nullopt);
    REQUIRE(report(protocol).state == Report::State::running);
    REQUIRE_FALSE(protocol.take_journal_entry());
    protocol.on_reported(std::nullopt);
    REQUIRE(std::get<Execute>(protocol.next()).action.action_id == "a");
    REQUIRE(protocol.take_journal_entry()->phase == JournalEntry::Phase::started);
    protocol.on_executed(outcome(OutcomeState::success));
    REQUIRE(report(protocol).state == Report::State::success);
    REQUIRE(protocol.take_journal_entry()->phase == JournalEntry::Phase::finished);
    protocol.on_reported(std::nullopt);
    REQUIRE(protocol.take_journal_entry()->phase == JournalEntry::Phase::settled);
    REQUIRE(next_is<CheckEnding>(protocol));
    protocol.on_ending_checked();
    REQUIRE(next_is<AskForAction>(protocol));
}

TEST_CASE("no action: quiet pauses that grow to the cap; other errors are told once") {
    Protocol protocol = fresh();
    std::chrono::milliseconds last{0};
    for (int i = 0; i < 12; ++i) {
        protocol.on_no_action(
            failure(i % 2 == 0 ? RpcCode::not_found : RpcCode::failed_precondition));
        auto length = std::get<Pause>(protocol.next()).length;
        REQUIRE(length >= last);
        last = length;
        protocol.on_paused();
        REQUIRE(next_is<AskForAction>(protocol));
    }
    REQUIRE(last == std::chrono::milliseconds(5000));
    REQUIRE(protocol.take_notes().empty());
    for (int i = 0; i < 3; ++i) {
        protocol.on_no_action(failure(RpcCode::other));
        protocol.on_paused();
    }
    REQUIRE(protocol.take_notes().size() == 1);
}

TEST_CASE("the pause is spread by half of itself and starts anew after a completed action") {
    Backoff low({std::chrono::milliseconds(5000), [] { return 0.0; }});
    Backoff high({std::chrono::milliseconds(5000), [] { return 0.999; }});
    REQUIRE(low.next() == std::chrono::milliseconds(250));
    REQUIRE(high.next() == std::chrono::milliseconds(749));
    REQUIRE(low.next() == std::chrono::milliseconds(375));
    low.reset();
    REQUIRE(low.next() == std::chrono::milliseconds(250));
}

TEST_CASE("a failed announcement leads back to asking, without running") {
    Protocol protocol = fresh();
    protocol.on_action(an_action(), std::nullopt);
    protocol.on_reported(failure(RpcCode::other));
    REQUIRE(next_is<Pause>(protocol));
    protocol.on_paused();
    REQUIRE(next_is<AskForAction>(protocol));
}

TEST_CASE("an outcome is reported until it is taken") {
    Protocol protocol = fresh();
    protocol.on_action(an_action(), std::nullopt);
    protocol.on_reported(std::nullopt);
    protocol.on_executed(outcome(OutcomeState::timeout));
    for (int i = 0; i < 50; ++i) {
        REQUIRE(report(protocol).state == Report::State::timeout);
        REQUIRE(report(protocol).action.outcome.message == "said");
        protocol.on_reported(failure(RpcCode::other));
        REQUIRE(next_is<Pause>(protocol));
        protocol.on_paused();
    }
    protocol.on_reported(std::nullopt);
    REQUIRE(next_is<AskForAction>(protocol));
}

TEST_CASE("an outcome that the server refuses for good is told and left") {
    RpcCode code =
        GENERATE(RpcCode::not_found, RpcCode::invalid_argument, RpcCode::failed_precondition);
    Protocol protocol = fresh();
    protocol.on_action(an_action(), std::nullopt);
    protocol.on_reported(std::nullopt);
    protocol.on_executed(outcome(OutcomeState::success));
    [[maybe_unused]] auto notes = protocol.take_notes();
    protocol.on_reported(failure(code));
    REQUIRE(protocol.take_notes().size() == 1);
    REQUIRE(next_is<Pause>(protocol));  // no ending: nothing was acknowledged
    protocol.on_paused();
    REQUIRE(next_is<AskForAction>(protocol));
}

TEST_CASE("no timeout, or a nonsensical one, means an hour") {
    for (int seconds : {0, -5}) {
        Protocol protocol = fresh();
        Action action = an_action();
        action.timeout = std::chrono::seconds(seconds);
        protocol.on_action(action, std::nullopt);
        protocol.on_reported(std::nullopt);
        REQUIRE(std::get<Execute>(protocol.next()).action.timeout == std::chrono::hours(1));
    }
}

TEST_CASE("a success served again is reported again, not run; anything else is run") {
    for (auto phase : {JournalEntry::Phase::finished, JournalEntry::Phase::settled}) {
        Protocol protocol = fresh();
        protocol.on_action(an_action(), entry("a", phase, OutcomeState::success));
        REQUIRE(report(protocol).state == Report::State::success);
        protocol.on_reported(std::nullopt);
        REQUIRE(next_is<CheckEnding>(protocol));
    }
    for (const auto& known : {entry("a", JournalEntry::Phase::settled, OutcomeState::failed),
                              entry("a", JournalEntry::Phase::started, OutcomeState::success)}) {
        Protocol protocol = fresh();
        protocol.on_action(an_action(), known);
        REQUIRE(report(protocol).state == Report::State::running);
    }
}

TEST_CASE("what an earlier agent left unreported is reported first, in order") {
    auto first = entry("1", JournalEntry::Phase::finished, OutcomeState::success);
    auto second = entry("2", JournalEntry::Phase::finished, OutcomeState::failed);
    second.outcome.stop += std::chrono::seconds(1);
    Protocol protocol(
        backoff(),
        {second, entry("0", JournalEntry::Phase::settled, OutcomeState::success), first});
    REQUIRE(report(protocol).action.action_id == "1");
    protocol.on_reported(failure(RpcCode::other));
    protocol.on_paused();
    REQUIRE(report(protocol).action.action_id == "1");
    protocol.on_reported(std::nullopt);
    REQUIRE(protocol.take_journal_entry()->action_id == "1");
    REQUIRE(report(protocol).action.action_id == "2");
    protocol.on_reported(failure(RpcCode::not_found));
    REQUIRE(next_is<Pause>(protocol));
}

TEST_CASE("an agent that was stopped before the reboot looks for it, unless an action was cut") {
    auto done = entry("1", JournalEntry::Phase::settled, OutcomeState::success);
    REQUIRE(next_is<CheckEnding>(Protocol(backoff(), {done})));
    auto cut = entry("2", JournalEntry::Phase::started, OutcomeState::failed);
    REQUIRE(next_is<AskForAction>(Protocol(backoff(), {done, cut})));
    auto failed = entry("1", JournalEntry::Phase::settled, OutcomeState::failed);
    REQUIRE(next_is<AskForAction>(Protocol(backoff(), {failed})));
}

TEST_CASE("durations for people") {
    REQUIRE(human_duration(std::chrono::milliseconds(350)) == "350ms");
    REQUIRE(human_duration(std::chrono::seconds(90)) == "1m30s");
    REQUIRE(human_duration(std::chrono::hours(1)) == "1h");
    REQUIRE(human_duration(std::chrono::minutes(62)) == "1h2m");
    REQUIRE(human_duration(std::chrono::seconds(-1)) == "0ms");
}
