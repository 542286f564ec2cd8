#include <catch2/catch.hpp>

#include "fixtures.hpp"
#include "server/workflow/document.hpp"
#include "server/workflow/template_data.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;

namespace {

// A document with one task whose actions are these lines.
std::string with_actions(const std::string& actions) {
    return "version: \"0.1\"\nname: n\ntasks:\n  - name: t\n    worker: w\n    actions:\n" +
           actions;
}

std::string error_of(const std::string& yaml) {
    return failure(parse_workflow_document(yaml));
}

}  // namespace

TEST_CASE("A template's settings are merged from task to action") {
    auto document = parse_workflow_document(R"(
version: "0.1"
name: n
tasks:
  - name: t
    worker: 52-54-00-12-34-01
    volumes: [/dev:/dev]
    environment: {A: task, B: task, MODE: 0644, N: 10, T: True}
    actions:
      - name: a
        image: registry.example/a@sha256:0000
        timeout: 5
        command: [x, 1, 1.50]
        volumes: [/b:/b:ro]
        environment: {B: action}
        namespaces: {network: host, pid: host}
)");
    if (!document) FAIL(document.error().to_string());
    const Action& action = document->tasks.at(0).actions.at(0);
    CHECK(action.agent_id == "52:54:00:12:34:01");
    CHECK(action.spec.environment ==
          std::vector<std::string>{"A=task", "B=action", "MODE=0644", "N=10", "T=True"});
    CHECK(action.spec.volumes == std::vector<std::string>{"/dev:/dev", "/b:/b:ro"});
    CHECK(action.spec.command == std::vector<std::string>{"x", "1", "1.50"});
    CHECK(action.spec.namespace_network == "host");
    CHECK(action.spec.namespace_pid == "host");
    CHECK(action.timeout_seconds == 5);
}

TEST_CASE("Without a timeout an action gets the documented default") {
    auto document = parse_workflow_document(
        with_actions("      - {name: a, image: i}\n      - {name: b, image: i, timeout: 0}\n"));
    REQUIRE(document);
    for (const auto& action : document->tasks[0].actions)
        CHECK(action.timeout_seconds == default_action_timeout_seconds);
}

TEST_CASE("What is wrong with a template is said with line and path") {
    CHECK_THAT(error_of(with_actions("      - {name: a, image: i}\n      - {name: a, image: i}\n")),
               Contains("line 8: tasks[0].actions[1].name: a second action of this task is called "
                        "\"a\""));
    CHECK_THAT(
        error_of("name: n\ntasks:\n  - {name: t, worker: w, actions: [{name: a, image: i}]}\n"
                 "  - {name: t, worker: w, actions: [{name: a, image: i}]}\n"),
        Contains("tasks[1].name: a second task is called \"t\""));
    CHECK_THAT(error_of(with_actions("      - {name: a, image: 'x y'}\n")),
               Contains("\"x y\" is no image reference"));
    CHECK_THAT(error_of(with_actions("      - {name: a}\n")), Contains("image: is missing"));
    CHECK_THAT(error_of(with_actions("      - {name: a, image: i, timeout: -1}\n")),
               Contains("timeout: -1 is outside"));
    CHECK_THAT(error_of(with_actions("      - {name: a, image: i, enviroment: {A: b}}\n")),
               Contains("enviroment: unknown key (hint: did you mean 'environment'?)"));
    CHECK_THAT(error_of(with_actions("      - {name: a, image: i, volumes: [dev]}\n")),
               Contains("volumes[0]: \"dev\" is no volume"));
    CHECK_THAT(error_of(with_actions("      []\n")), Contains("actions: is missing or empty"));
    CHECK_THAT(error_of("name: n\ntasks: []\n"), Contains("tasks: is missing or empty"));
    CHECK_THAT(
        error_of("name: n\ntasks: [{name: t, worker: '', actions: [{name: a, image: i}]}]\n"),
        Contains("worker: is missing or empty"));
    CHECK_THAT(error_of("version: 9\nname: n\ntasks: []\n"), Contains("\"9\" is not known"));
    CHECK_THAT(error_of("- a\n"), Contains("not a mapping"));
    CHECK_THAT(error_of("name: a: b\n"), Contains("line 1: not YAML"));
}

TEST_CASE("Names and numbers of actions are limited") {
    std::string longest(max_template_name, 'n');
    CHECK(parse_workflow_document(with_actions("      - {name: " + longest + ", image: i}\n")));
    CHECK_THAT(error_of(with_actions("      - {name: " + longest + "n, image: i}\n")),
               Contains("longer than 199"));
    std::string many;
    for (std::size_t i = 0; i < max_actions; ++i)
        many += "      - {name: a" + std::to_string(i) + ", image: i}\n";
    CHECK(parse_workflow_document(with_actions(many)));
    CHECK_THAT(error_of(with_actions(many + "      - {name: b, image: i}\n")),
               Contains("more than 1000 actions"));
}

TEST_CASE("Templates see the hardware map and the record") {
    auto hardware = parse_hardware(machine).value();
    auto data = template_data(hardware, {{"device_2", "x"}});
    CHECK(data["device_1"] == mac);
    CHECK(data["worker_id"] == mac);
    CHECK(data["device_2"] == "x");
    CHECK(data["Hardware"]["Disks"][0] == "/dev/vda");
    CHECK(data["Hardware"]["UserData"].get<std::string>().empty());
    CHECK(data["hardware"]["spec"]["metadata"]["instance"]["hostname"] == "host-1");
    CHECK(template_data(hardware, {{"device_1", "y"}})["device_1"] == "y");
}
