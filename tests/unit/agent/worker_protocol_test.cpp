// What tink-worker decided by itself, for each generation of its servers.
#include <catch2/catch.hpp>

#include "agent/worker_protocol.hpp"
#include "agent/workflow_run.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::agent;
namespace wire = tink_worker;

namespace {

constexpr const char* me = "52:54:00:aa:00:01";

wire::WorkflowActionList list_of(const std::vector<std::string>& workers) {
    wire::WorkflowActionList actions;
    for (std::size_t i = 0; i < workers.size(); ++i) {
        auto* action = actions.add_action_list();
        action->set_task_name("task");
        action->set_name("action " + std::to_string(i));
        action->set_image("image:1");
        action->set_worker_id(workers[i]);
    }
    return actions;
}

wire::WorkflowContext context_at(const std::string& action, std::int64_t index, int state) {
    wire::WorkflowContext context;
    context.set_workflow_id("ns/name");
    context.set_current_action(action);
    context.set_current_action_index(index);
    context.set_current_action_state(static_cast<wire::State>(state));
    return context;
}

// "INDEX", "INDEX!" if the server knows that it runs, "-" for nothing.
std::string decided(const wire::WorkflowContext& context, const wire::WorkflowActionList& actions,
                    WorkerGeneration generation = WorkerGeneration::long_names) {
    auto position = next_position(generation, context, actions, me);
    if (!position) return "-";
    return std::to_string(position->index) + (position->announced ? "!" : "");
}

Report report_of(Report::State state) {
    Report report;
    report.state = state;
    report.action.workflow_id = "ns/name";
    report.action.task_id = "task";
    report.action.action_name = "action";
    report.action.outcome.message = "why \xff";
    report.action.outcome.stop = report.action.outcome.start + std::chrono::milliseconds(2900);
    if (state == Report::State::success) report.action.outcome.state = OutcomeState::success;
    return report;
}

}  // namespace

TEST_CASE("the next action follows from what was reported last") {
    auto mine = list_of({me, me, me});
    REQUIRE(decided(context_at("", 0, 0), mine) == "0");
    REQUIRE(decided(context_at("action 1", 1, wire::STATE_PENDING), mine) == "1");
    REQUIRE(decided(context_at("action 1", 1, wire::STATE_RUNNING), mine) == "1!");
    REQUIRE(decided(context_at("action 1", 1, wire::STATE_SUCCESS), mine) == "2");
    REQUIRE(decided(context_at("action 2", 2, wire::STATE_SUCCESS), mine) == "-");
    REQUIRE(decided(context_at("action 1", 1, wire::STATE_FAILED), mine) == "-");
    REQUIRE(decided(context_at("action 1", 1, wire::STATE_TIMEOUT), mine) == "-");
    REQUIRE(decided(context_at("action 1", 1, 77), mine) == "-");
}

TEST_CASE("v0.1 counts states differently, in both directions") {
    auto mine = list_of({me, me, me});
    auto first = WorkerGeneration::first;
    REQUIRE(decided(context_at("action 1", 1, 1), mine, first) == "1!");
    REQUIRE(decided(context_at("action 1", 1, 2), mine, first) == "2");
    REQUIRE(decided(context_at("action 1", 1, 3), mine, first) == "-");
    REQUIRE(decided(context_at("action 1", 1, 4), mine, first) == "-");
    auto status = [&](WorkerGeneration generation, Report::State state) {
        return static_cast<int>(
            worker_status(generation, report_of(state), me, {}).action_status());
    };
    using S = Report::State;
    const std::vector<S> states = {S::running, S::success, S::failed, S::timeout};
    const std::vector<int> of_first = {1, 2, 3, 4};
    const std::vector<int> of_others = {1, 4, 2, 3};
    for (std::size_t i = 0; i < states.size(); ++i) {
        REQUIRE(status(first, states[i]) == of_first[i]);
        REQUIRE(status(WorkerGeneration::long_names, states[i]) == of_others[i]);
        REQUIRE(status(WorkerGeneration::kubernetes, states[i]) == of_others[i]);
    }
}

TEST_CASE("another worker's actions, and places outside of the workflow, are left alone") {
    auto mixed = list_of({"52:54:00:AA:00:01", "other", me});
    REQUIRE(decided(context_at("", 0, 0), mixed) == "0");
    REQUIRE(decided(context_at("action 0", 0, wire::STATE_SUCCESS), mixed) == "-");
    REQUIRE(decided(context_at("action 1", 1, wire::STATE_SUCCESS), mixed) == "2");
    REQUIRE(decided(context_at("x", -1, wire::STATE_PENDING), mixed) == "-");
    REQUIRE(decided(context_at("x", 3, wire::STATE_RUNNING), mixed) == "-");
    for (std::int64_t far : {std::int64_t{1} << 32, INT64_MAX})
        REQUIRE(decided(context_at("x", far, wire::STATE_SUCCESS), mixed) == "-");
    REQUIRE(decided(context_at("", 0, 0), {}) == "-");
    auto most = list_of(std::vector<std::string>(max_workflow_actions + 1, me));
    REQUIRE(decided(context_at("x", max_workflow_actions - 1, wire::STATE_PENDING), most) != "-");
    REQUIRE(decided(context_at("x", max_workflow_actions, wire::STATE_PENDING), most) == "-");
}

TEST_CASE("an action in the agent's terms") {
    auto actions = list_of({me});
    auto* from = actions.mutable_action_list(0);
    from->add_volumes("/dev:/dev");
    from->add_on_failure("clean");
    from->set_pid("host");
    Action action = worker_action("ns/name", {0, true}, actions, "registry:5000");
    REQUIRE(action.image == "registry:5000/image:1");
    REQUIRE(action.volumes == std::vector<std::string>{"/worker/ns/name:/workflow", "/dev:/dev"});
    REQUIRE((action.announced && !action.id_is_unique && action.pid_namespace == "host"));
    REQUIRE(worker_action_index(action.action_id) == 0);
    REQUIRE(worker_action("ns/name", {0, false}, actions, "").image == "image:1");
    REQUIRE_FALSE(worker_action_index("01HZX3V5K2"));
    REQUIRE_FALSE(worker_action_index("x:y"));
    REQUIRE_FALSE(worker_action_index("10000:t:a"));
    REQUIRE(worker_action("../etc", {0, false}, actions, "").volumes.size() == 1);
}

TEST_CASE("a workflow's directory stays below /worker") {
    REQUIRE(workflow_directory("tink-system/wf-1") == "/worker/tink-system/wf-1");
    REQUIRE(workflow_directory(std::string(512, 'a')));
    for (const std::string& id :
         {std::string(), std::string("/"), std::string("a//b"), std::string(".."),
          std::string("a/../b"), std::string("a:b"), std::string("a b"), std::string(513, 'a')})
        REQUIRE_FALSE(workflow_directory(id));
}

TEST_CASE("reports say what tink-worker's do") {
    auto running = worker_status(WorkerGeneration::kubernetes, report_of(Report::State::running),
                                 me, WallClock::time_point(std::chrono::seconds(1700000000)));
    REQUIRE(running.message() == "Started execution");
    REQUIRE(running.seconds() == 0);
    REQUIRE(running.created_at().seconds() == 1700000000);
    REQUIRE(running.worker_id() == me);
    auto done =
        worker_status(WorkerGeneration::kubernetes, report_of(Report::State::success), me, {});
    REQUIRE(done.message() == "finished execution successfully");
    REQUIRE(done.seconds() == 2);
    auto failed =
        worker_status(WorkerGeneration::kubernetes, report_of(Report::State::failed), me, {});
    REQUIRE(failed.message() == "why ?");
}

TEST_CASE("commands for failures and timeouts") {
    Action action;
    action.action_id = "3:t:a";
    action.on_failure = {"clean", "up"};
    Outcome failed;
    REQUIRE(follow_up(action, failed)->command == action.on_failure);
    REQUIRE(follow_up(action, failed)->action_id != action.action_id);
    Outcome timeout;
    timeout.state = OutcomeState::timeout;
    REQUIRE_FALSE(follow_up(action, timeout));
    action.on_timeout = {"hurry"};
    REQUIRE(follow_up(action, timeout)->command == action.on_timeout);
    Outcome good;
    good.state = OutcomeState::success;
    REQUIRE_FALSE(follow_up(action, good));
}

TEST_CASE("the workflow's document goes back when it is new JSON of a fair size") {
    TempDir directory = TempDir::create("workflow").value();
    auto place = directory.path() / "ns" / "name";
    REQUIRE(prepare_workflow_directory(place));
    REQUIRE(read_file(place / "data", 100).value() == "{}");
    REQUIRE_FALSE(changed_workflow_data(place, "{}").value());
    REQUIRE(write_file(place / "data", "{\"a\":1}"));
    REQUIRE(prepare_workflow_directory(place));
    REQUIRE(changed_workflow_data(place, "{}").value() == "{\"a\":1}");
    REQUIRE(write_file(place / "data", "{\"a\":"));
    REQUIRE(changed_workflow_data(place, "{}").error().kind() == ErrorKind::invalid_input);
    std::string large = "\"" + std::string(max_workflow_data_bytes - 2, 'x') + "\"";
    REQUIRE(write_file(place / "data", large));
    REQUIRE(changed_workflow_data(place, "{}").value()->size() == max_workflow_data_bytes);
    REQUIRE(write_file(place / "data", large + " "));
    REQUIRE_FALSE(changed_workflow_data(place, "{}"));
    REQUIRE(write_file(place / "data", "[0,1]"));
    REQUIRE(changed_workflow_data(place, "{}", 5).value() == "[0,1]");
    REQUIRE(changed_workflow_data(place, "{}", 4).error().kind() == ErrorKind::limit);
}
