// The whole program when it is stopped. Needs root.
#include "tests/unit/agent/log_keeper.hpp"
#include "tests/unit/agent/whole_agent.hpp"

using namespace osiekit;
using namespace osiekit::test;

TEST_CASE("an agent that is stopped ends its action, which is run again when it is served again") {
    Shared shared;
    auto action =
        make_action("stopped", {"append:/shared/starts", "exit-if:/shared/go", "wait-for:/never"});
    shared.mount(action);
    Workflow workflow({action});
    Agent agent(workflow);
    REQUIRE(appears(shared / "starts"));
    agent.kill(SIGTERM);
    REQUIRE(write_file(shared / "go", ""));
    agent.start();
    REQUIRE(workflow.outcome("stopped").action_state() == State::STATE_TYPE_SUCCESS);
    REQUIRE(workflow.count("stopped", State::STATE_TYPE_FAILED) == 0);
    REQUIRE(fs::file_size(shared / "starts") == 2);
}

TEST_CASE("an agent that is stopped sends what its action said last, or says that it has not") {
    Shared shared;
    auto action = make_action("stopped", {"last-words:/shared/starts", "exit:1"});
    shared.mount(action);
    Fd receiver(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::string address = "127.0.0.1:" + std::to_string(bind_to_loopback(receiver));
    REQUIRE(::listen(receiver.get(), 1) == 0);
    Keeper keeper(Keeper::Server::none);
    Workflow workflow({action}, &keeper);
    Agent agent(workflow, "\"compatible\"", {"--syslog-host", "tcp://" + address});
    REQUIRE(appears(shared / "starts"));
    REQUIRE(agent.kill(SIGTERM) == 0);
    std::string log = agent.log();
    INFO(log);
    CHECK(log.find("do stopped | last word 199\n") != std::string::npos);
    CHECK(log.find("have not") == std::string::npos);
    CHECK(keeper.last_lines().size() == 200);
    Fd peer(::accept4(receiver.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string sent = read_all(peer.get()).value();
    CHECK(sent.find(" - - - last word 0") != std::string::npos);
    CHECK(sent.find(" - - - last word 199") != std::string::npos);

    // Neither the remote log nor the server is there any more.
    receiver.reset();
    fs::remove(shared / "starts");
    agent.start();
    REQUIRE(appears(shared / "starts"));
    workflow.server.stop();
    REQUIRE(agent.kill(SIGTERM) == 0);
    log = agent.log();
    CHECK(log.find("200 lines of the output of \"do stopped\" have not reached the server") !=
          std::string::npos);
    CHECK(log.find("200 lines of output have not been sent to the remote log") !=
          std::string::npos);
}
