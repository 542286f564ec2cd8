#include "server/workflow/engine.hpp"

#include <catch2/catch.hpp>

#include "fixtures.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;

TEST_CASE("A workflow runs to its end and leaves its history") {
    Rig rig;
    auto id = rig.queue();
    for (const char* name : {"stream", "reboot"}) {
        auto offer = rig.engine.next_action_for(mac).value();
        REQUIRE(offer);
        CHECK(offer->action.name == name);
        CHECK(offer->workflow_id == id);
        rig.now += 1000;
        CHECK(rig.engine.report(report_of(*offer, State::running))->verdict == Verdict::accepted);
        rig.now += 2500;
        CHECK(rig.engine.report(report_of(*offer, State::success))->verdict == Verdict::accepted);
        CHECK(rig.engine.report(report_of(*offer, State::success))->verdict == Verdict::repeated);
    }
    CHECK_FALSE(rig.engine.next_action_for(mac).value());
    Workflow workflow = rig.workflow(id);
    CHECK(workflow.state == State::success);
    CHECK(workflow.actions[1].finished - workflow.actions[1].started == 2500);
    CHECK(rig.kinds() ==
          std::vector<std::string>{"hardware.put", "template.put", "workflow.created",
                                   "action.offered", "workflow.started", "action.started",
                                   "action.finished", "action.offered", "action.started",
                                   "action.finished", "workflow.finished"});
}

TEST_CASE("An agent that lost its memory is served the same action again") {
    Rig rig;
    rig.queue();
    auto first = rig.engine.next_action_for("52-54-00-12-34-01").value();
    auto again = rig.engine.next_action_for("52:54:00:12:34:02").value();  // its other port
    REQUIRE((first && again));
    CHECK(first->action.id == again->action.id);
    CHECK(again->action.offers == 2);
    CHECK(again->agent_id == "52:54:00:12:34:02");
    CHECK_FALSE(rig.engine.next_action_for("52:54:00:99:99:99").value());
}

TEST_CASE("A finished workflow does not hide a new one") {
    Rig rig;
    auto first = rig.queue();
    auto offer = rig.engine.next_action_for(mac).value();
    REQUIRE(rig.engine.report(report_of(*offer, State::failed, "no disk")));
    CHECK(rig.workflow(first).message == "action \"stream\" ended with FAILED: no disk");
    CHECK_FALSE(rig.engine.next_action_for(mac).value());
    auto second = rig.queue();
    CHECK(rig.engine.next_action_for(mac).value()->workflow_id == second);
}

TEST_CASE("Reports of unknown workflows are acknowledged or sent back, and logged") {
    Rig rig;
    Report report{"none", mac, "T", "A", State::success, "", ""};
    CHECK(rig.engine.report(report)->verdict == Verdict::ignored);
    report.state = State::running;
    CHECK(rig.engine.report(report)->verdict == Verdict::not_now);
    CHECK(rig.kinds() == std::vector<std::string>{"report.ignored", "report.ignored"});
}

TEST_CASE("Overdue workflows end by themselves") {
    Rig rig;
    auto id = rig.queue();
    auto offer = rig.engine.next_action_for(mac).value();
    REQUIRE(rig.engine.report(report_of(*offer, State::running)));
    rig.now += 59'999;
    REQUIRE(rig.engine.expire_overdue());
    CHECK(rig.workflow(id).state == State::running);
    rig.now += 1;
    REQUIRE(rig.engine.expire_overdue());
    CHECK(rig.workflow(id).state == State::timeout);
    CHECK(rig.kinds().back() == "workflow.finished");
    CHECK_FALSE(rig.engine.next_action_for(mac).value());
}

TEST_CASE("Changes name the agents that may have work") {
    Rig rig;
    std::vector<Change> changes;
    rig.engine.on_change([&](const Change& change) { changes.push_back(change); });
    rig.queue();
    REQUIRE(changes.size() == 3);
    CHECK_FALSE(changes[0].everybody);
    CHECK(changes[0].agents == changes[2].agents);
    CHECK(changes[1].agents.empty());
    CHECK(changes[2].agents == std::set<std::string>{mac, "52:54:00:12:34:02", "machine-1"});
}

TEST_CASE("Workflows that cannot be made leave nothing behind") {
    Rig rig;
    REQUIRE(rig.engine.put_hardware(machine));
    REQUIRE(rig.engine.put_template("good", two_actions));
    std::string bad = two_actions;
    bad.replace(bad.find("device_1"), 8, "device_9");
    REQUIRE(rig.engine.put_template("bad", bad));
    std::string twice = two_actions;
    twice.replace(twice.find("name: reboot"), 12, "name: stream");
    REQUIRE(rig.engine.put_template("twice", twice));
    auto error = [&](const char* name, const char* hardware) {
        return failure(rig.engine.create_workflow(name, hardware, {}));
    };
    CHECK_THAT(error("bad", "machine-1"),
               Contains("line 6: .device_9") && Contains("did you mean 'device_1'?"));
    CHECK_THAT(error("twice", "machine-1"), Contains("a second action of this task"));
    CHECK_THAT(error("good", "machine-2"),
               Contains("no hardware \"machine-2\"") && Contains("did you mean 'machine-1'?"));
    CHECK_THAT(error("goood", "machine-1"), Contains("did you mean 'good'?"));
    CHECK(rig.store->read().value().workflows().value().empty());
    auto created = rig.engine.create_workflow("good", "52-54-00-12-34-02", {});
    REQUIRE(created);
    CHECK(created->workflow.actions[0].agent_id == "52:54:00:12:34:02");
}

TEST_CASE("Templates are checked when they are stored") {
    Rig rig;
    CHECK_THAT(failure(rig.engine.put_template("t", "a\n{{ if }}")), Contains("line 2"));
    CHECK_THAT(failure(rig.engine.put_template("t", "name: n\n")), Contains("tasks: is missing"));
    CHECK_THAT(failure(rig.engine.put_template(" ", two_actions)), Contains("name has 1 to 253"));
    CHECK_FALSE(rig.store->read().value().find_template("t").value());
}

TEST_CASE("ULIDs sort by time and differ") {
    CHECK(make_ulid(1469918176385).substr(0, 10) == "01ARYZ6S41");
    CHECK(make_ulid(5).size() == 26);
    CHECK(make_ulid(5) != make_ulid(5));
    CHECK(make_ulid(5) < make_ulid(6));
}
