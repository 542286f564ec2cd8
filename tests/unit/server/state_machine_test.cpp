#include "server/workflow/state_machine.hpp"

#include <catch2/catch.hpp>

using namespace osiekit::server;
using Catch::Matchers::Contains;

namespace {

const std::set<std::string> ann = {"ann"};
const std::set<std::string> bob = {"bob"};

Workflow three_actions() {
    Workflow workflow;
    workflow.id = "W";
    workflow.global_timeout_seconds = 10;
    int number = 0;
    for (const char* agent : {"ann", "ann", "bob"}) {
        Action action;
        action.id = "A" + std::to_string(++number);
        action.task_id = "T";
        action.name = action.id;
        action.agent_id = agent;
        workflow.actions.push_back(action);
    }
    return workflow;
}

Applied tell(Workflow& workflow, const char* action, State state, UnixMillis now,
             const std::set<std::string>& who = ann) {
    return apply_report(workflow, {"W", *who.begin(), "T", action, state, "said", ""}, who, now);
}

}  // namespace

TEST_CASE("Actions are served in order, to the agent they belong to") {
    Workflow workflow = three_actions();
    CHECK(next_action(workflow, ann) == 0U);
    CHECK_FALSE(next_action(workflow, bob));
    CHECK(tell(workflow, "A1", State::running, 1).workflow_started);
    CHECK(next_action(workflow, ann) == 0U);  // served again while it runs
    CHECK(tell(workflow, "A1", State::success, 2).verdict == Verdict::accepted);
    CHECK(next_action(workflow, ann) == 1U);
    tell(workflow, "A2", State::success, 3);
    CHECK_FALSE(next_action(workflow, ann));
    CHECK(next_action(workflow, bob) == 2U);
    CHECK(workflow.state == State::running);
    CHECK(tell(workflow, "A3", State::success, 4, bob).workflow_finished);
    CHECK(workflow.state == State::success);
    CHECK(workflow.finished == 4);
    CHECK_FALSE(next_action(workflow, bob));
}

TEST_CASE("Reports are idempotent") {
    Workflow workflow = three_actions();
    note_offer(workflow.actions[0]);
    CHECK(tell(workflow, "A1", State::pending, 1).verdict == Verdict::repeated);
    CHECK(tell(workflow, "A1", State::running, 1).verdict == Verdict::accepted);
    CHECK(tell(workflow, "A1", State::running, 2).verdict == Verdict::repeated);
    CHECK(workflow.actions[0].started == 1);
    tell(workflow, "A1", State::success, 3);
    CHECK(tell(workflow, "A1", State::success, 4).verdict == Verdict::repeated);
    CHECK(workflow.actions[0].finished == 3);
    CHECK(next_action(workflow, ann) == 1U);
}

TEST_CASE("An action begun again after a crash is a new start") {
    Workflow workflow = three_actions();
    note_offer(workflow.actions[0]);
    tell(workflow, "A1", State::running, 1);
    note_offer(workflow.actions[0]);
    CHECK(tell(workflow, "A1", State::running, 5).verdict == Verdict::accepted);
    CHECK(workflow.actions[0].started == 5);
    CHECK(workflow.started == 1);
}

TEST_CASE("A failed action ends the workflow and says why") {
    for (State end : {State::failed, State::timeout}) {
        Workflow workflow = three_actions();
        tell(workflow, "A1", State::running, 1);
        Applied applied = tell(workflow, "A1", end, 2);
        CHECK(applied.workflow_finished);
        CHECK(workflow.state == end);
        CHECK_THAT(workflow.message, Contains("\"A1\"") && Contains("said"));
        CHECK_FALSE(next_action(workflow, ann));
    }
}

TEST_CASE("Starts that must not be are refused, late outcomes are acknowledged") {
    Workflow workflow = three_actions();
    CHECK(tell(workflow, "A2", State::running, 1).verdict == Verdict::not_now);
    CHECK(tell(workflow, "A2", State::success, 1).verdict == Verdict::ignored);
    CHECK(tell(workflow, "none", State::running, 1).verdict == Verdict::not_now);
    CHECK(tell(workflow, "none", State::failed, 1).verdict == Verdict::ignored);
    CHECK(tell(workflow, "A1", State::running, 1, bob).verdict == Verdict::not_now);
    CHECK_THAT(tell(workflow, "A1", State::success, 1, bob).reason, Contains("belongs to ann"));
    CHECK(workflow.state == State::pending);
    tell(workflow, "A1", State::failed, 2);
    CHECK(tell(workflow, "A1", State::running, 3).verdict == Verdict::not_now);
    CHECK(tell(workflow, "A1", State::success, 3).verdict == Verdict::ignored);
    CHECK(workflow.state == State::failed);
}

TEST_CASE("global_timeout counts from the first start") {
    Workflow workflow = three_actions();
    CHECK_FALSE(expire(workflow, 1'000'000));
    tell(workflow, "A1", State::running, 1000);
    CHECK(workflow.deadline == 11'000);
    CHECK_FALSE(expire(workflow, 10'999));
    CHECK(expire(workflow, 11'000));
    CHECK(workflow.state == State::timeout);
    CHECK(workflow.actions[0].state == State::timeout);
    CHECK_THAT(workflow.message, Contains("global_timeout of 10 s") && Contains("\"A1\""));
    CHECK_FALSE(expire(workflow, 12'000));
    CHECK(tell(workflow, "A1", State::success, 12'000).verdict == Verdict::ignored);

    Workflow endless = three_actions();
    endless.global_timeout_seconds = 0;
    tell(endless, "A1", State::running, 1);
    CHECK_FALSE(expire(endless, INT64_MAX));
}
