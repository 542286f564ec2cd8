// The whole program (whole_agent.hpp): actions, failures, lost agents and servers. Needs root.
#include "tests/unit/agent/whole_agent.hpp"

#include <atomic>

#include "tests/unit/oci/scripted_server.hpp"

using namespace osiekit;
using namespace osiekit::test;

TEST_CASE("an action runs as its image and the server say") {
    auto action =
        make_action("first", {"ids", "env:HOME", "env:FROM", "env:MORE", "cat:/upper",
                              "cat:/gr\xc3\xbc\xc3\x9f", "exists:/hidden", "cat:/etc/hosts",
                              "error:to standard error\n", "print:no end of line"});
    action.add_environment("MORE=from action");
    Workflow workflow({action});
    Agent agent(workflow);
    auto outcome = workflow.outcome("first");
    agent.kill(SIGTERM);
    INFO(agent.log());
    REQUIRE(outcome.action_state() == State::STATE_TYPE_SUCCESS);
    REQUIRE(outcome.message().message() == "action completed");
    REQUIRE(outcome.execution_start().seconds() > 1700000000);
    auto running = workflow.server.reports().front();
    REQUIRE(running.action_state() == State::STATE_TYPE_RUNNING);
    REQUIRE(running.execution_start().seconds() == -62135596800);
    auto question = workflow.server.questions().front();
    REQUIRE(question.agent_id() == "52:54:00:00:00:01");
    REQUIRE(question.agent_attributes().cpu().total_threads() > 0);
    for (const char* line :
         {"first GetAction", "do first | ids 1234:1235 pid 1", "do first | HOME=/home/tester",
          "do first | FROM=image", "do first | MORE=from action", "/upper holds upper",
          "holds beyond ASCII", "/hidden is missing", "127.0.0.1 localhost",
          "do first | to standard error", "do first | no end of line"}) {
        INFO(line);
        REQUIRE(agent.log().find(line) != std::string::npos);
    }
}

TEST_CASE("failures have a code or a sentence, and the next action runs") {
    auto missing = make_action("missing", {"ids"});
    missing.set_image(Registry::instance().host() + "/test/none:1");
    auto bad_volume = make_action("bad-volume", {"ids"});
    bad_volume.add_volumes("relative/path:/x");
    Workflow workflow(
        {make_action("seven", {"exit:7"}), missing, bad_volume, make_action("fine", {"ids"})});
    Agent agent(workflow);
    auto fine = workflow.outcome("fine");
    INFO(agent.log());
    REQUIRE(fine.action_state() == State::STATE_TYPE_SUCCESS);
    for (const auto& [id, words] : {std::pair("seven", "7"), std::pair("missing", "404"),
                                    std::pair("bad-volume", "relative/path")}) {
        auto outcome = workflow.outcome(id);
        REQUIRE(outcome.action_state() == State::STATE_TYPE_FAILED);
        REQUIRE(outcome.message().message().find(words) != std::string::npos);
    }
}

TEST_CASE("a timeout ends the action and its children") {
    Shared shared;
    auto action = make_action("slow", {"fork-beat:/shared/beat", "wait-for:/never"});
    shared.mount(action).set_timeout(1);
    Workflow workflow({action});
    Agent agent(workflow);
    auto outcome = workflow.outcome("slow");
    INFO(agent.log());
    REQUIRE(outcome.action_state() == State::STATE_TYPE_TIMEOUT);
    auto size = fs::file_size(shared / "beat");
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    REQUIRE(fs::file_size(shared / "beat") == size);
}

TEST_CASE("the time for the image does not count against the timeout") {
    constexpr std::chrono::seconds timeout{3};
    std::atomic<bool> held = false;
    // The registry, slower by the whole timeout.
    ScriptedServer slow([&](const std::string& asked) {
        if (!held.exchange(true))
            std::this_thread::sleep_for(timeout + std::chrono::milliseconds(100));
        http::Client client;
        http::Request request;
        std::size_t start = asked.find(' ') + 1;
        request.url = "http://" + Registry::instance().host() +
                      asked.substr(start, asked.find(' ', start) - start);
        request.headers = {"Accept: application/vnd.oci.image.manifest.v1+json"};
        request.body_limit = 64U << 20U;
        auto answer = client.perform(request);
        if (!answer) return ScriptedServer::answer(502, "", "");
        return ScriptedServer::answer(static_cast<int>(answer->status),
                                      "Content-Type: " + answer->headers["content-type"] + "\r\n",
                                      answer->body);
    });
    auto action = make_action("patient", {"ids"});
    action.set_image(slow.host() + "/test/probe:1");
    action.set_timeout(timeout.count());
    Workflow workflow({action});
    TempDir directory = TempDir::create("hosts").value();
    REQUIRE(write_file(directory / "hosts.json",
                       "{\"registries\":{\"" + slow.host() + "\":{\"plain_http\":true}}}"));
    Agent agent(workflow, "\"compatible\"", {"--registry-hosts", directory / "hosts.json"});
    auto outcome = workflow.outcome("patient");
    INFO(agent.log());
    REQUIRE(held);
    REQUIRE(outcome.action_state() == State::STATE_TYPE_SUCCESS);
}

TEST_CASE("an action goes on through kill -9 of its agent, and the next agent reports it once") {
    Shared shared;
    auto action = make_action("killed", {"append:/shared/starts", "wait-for:/shared/go",
                                         "print:the rest\n", "append:/shared/ends"});
    shared.mount(action);
    Workflow workflow({action});
    Agent agent(workflow);
    bool started = appears(shared / "starts");
    INFO(agent.log());
    REQUIRE(started);
    // Twice: the second one is killed while it waits for what the first one started.
    agent.kill(SIGKILL);
    agent.start();
    REQUIRE(agent.wait_for_log("was started by an earlier agent"));
    agent.kill(SIGKILL);
    REQUIRE(write_file(shared / "go", ""));
    REQUIRE(appears(shared / "ends"));
    agent.start();
    REQUIRE(workflow.outcome("killed").action_state() == State::STATE_TYPE_SUCCESS);
    REQUIRE(workflow.server.wait_for_question(2));
    agent.kill(SIGTERM);
    REQUIRE(workflow.count("killed", State::STATE_TYPE_SUCCESS) == 1);
    REQUIRE(workflow.count("killed", State::STATE_TYPE_RUNNING) == 1);
    REQUIRE(workflow.count("killed", State::STATE_TYPE_FAILED) == 0);
    REQUIRE(fs::file_size(shared / "starts") == 1);
    REQUIRE(fs::file_size(shared / "ends") == 1);
    REQUIRE(agent.log().find("do killed | the rest") != std::string::npos);
}

TEST_CASE("a result that was not acknowledged is reported by the next agent, and not run again") {
    Shared shared;
    auto action = make_action("once", {"append:/shared/starts"});
    shared.mount(action);
    Workflow workflow({action});
    workflow.refuse_outcomes = true;
    Agent agent(workflow);
    REQUIRE(workflow.outcome("once").action_state() == State::STATE_TYPE_SUCCESS);
    agent.kill(SIGKILL);
    {
        std::lock_guard lock(workflow.mutex);
        workflow.refuse_outcomes = false;
    }
    auto before = workflow.count("once", State::STATE_TYPE_SUCCESS);
    agent.start();
    REQUIRE(workflow.server.wait_for([&](const auto& reports) {
        std::size_t n = 0;
        for (const auto& report : reports)
            n += report.action_state() == State::STATE_TYPE_SUCCESS ? 1 : 0;
        return n > before;
    }));
    agent.kill(SIGTERM);
    INFO(agent.log());
    REQUIRE(workflow.count("once", State::STATE_TYPE_SUCCESS) == before + 1);
    REQUIRE(workflow.count("once", State::STATE_TYPE_RUNNING) == 1);
    REQUIRE(fs::file_size(shared / "starts") == 1);
}

TEST_CASE("the policy refuses by the rule's name, and keeps what a failed action has changed") {
    auto other = make_action("other", {"ids"});
    other.set_image("elsewhere.invalid/none:1");
    Workflow workflow({other, make_action("seven", {"exit:7"}), make_action("fine", {"ids"})});
    Agent agent(workflow, R"({"base": "compatible", "registries": [")" +
                              Registry::instance().host() +
                              R"("], "rules": [{"name": "mine", "images": ["**"],
                              "level": "restricted", "keep_failed": true}]})");
    REQUIRE(workflow.outcome("fine").action_state() == State::STATE_TYPE_SUCCESS);
    INFO(agent.log());
    auto refused = workflow.outcome("other");
    REQUIRE(refused.action_state() == State::STATE_TYPE_FAILED);
    REQUIRE(refused.message().message().find("registries") != std::string::npos);
    REQUIRE(agent.log().find("has changed in its file system is kept in") != std::string::npos);
    // Where the files of /etc were mounted.
    REQUIRE(fs::exists(agent.scratch("store") / "failed/upper/etc/hosts"));
}

TEST_CASE("the output goes to a remote log, and one that takes nothing holds no action up") {
    Fd stuck(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Fd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    auto bound = [](const Fd& socket) {
        return "127.0.0.1:" + std::to_string(bind_to_loopback(socket));
    };
    {
        Workflow workflow({make_action("told", {"print:hello\n"})});
        Agent agent(workflow, "\"compatible\"", {"--syslog-host", "udp://" + bound(datagrams)});
        REQUIRE(workflow.outcome("told").action_state() == State::STATE_TYPE_SUCCESS);
        std::string text(1000, '\0');
        auto n = ::recv(datagrams.get(), text.data(), text.size(), 0);
        REQUIRE(n > 0);
        text.resize(static_cast<std::size_t>(n));
        REQUIRE(text.rfind("<30>1 ", 0) == 0);
        REQUIRE(text.find(" 52:54:00:00:00:01 do_told - - - hello") != std::string::npos);
    }
    // Nobody accepts from it: it takes what its buffers hold.
    std::string stuck_place = bound(stuck);
    REQUIRE(::listen(stuck.get(), 1) == 0);
    Workflow workflow({make_action("many", {"count:100000"})});
    Agent agent(workflow, "\"compatible\"", {"--syslog-host", "tcp://" + stuck_place});
    REQUIRE(workflow.outcome("many").action_state() == State::STATE_TYPE_SUCCESS);
    REQUIRE(agent.wait_for_log("do many | line 99999"));
    std::string log = agent.log();
    std::size_t from = 0;
    for (int i = 0; i < 100000 && from != std::string::npos; ++i)
        from = log.find("do many | line " + std::to_string(i) + "\n", from);
    REQUIRE(from != std::string::npos);
}

TEST_CASE("a server that goes away and comes back is found again") {
    Shared shared;
    auto action = make_action("away", {"append:/shared/starts", "wait-for:/shared/go"});
    shared.mount(action);
    Workflow workflow({action});
    Agent agent(workflow);
    REQUIRE(appears(shared / "starts"));
    workflow.server.stop();
    REQUIRE(write_file(shared / "go", ""));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    workflow.server.start_again();
    REQUIRE(workflow.outcome("away").action_state() == State::STATE_TYPE_SUCCESS);
    REQUIRE(workflow.count("away", State::STATE_TYPE_RUNNING) == 1);
}
