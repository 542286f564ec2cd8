// The loop that asks for actions, with a scripted server.
#include "agent/agent_loop.hpp"

#include <catch2/catch.hpp>

#include "lib/base/temp_dir.hpp"
#include "tests/unit/agent/scripted_workflow.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

// Asks until the third question, and gives what was said in each.
std::vector<proto::ActionRequest> questions_of(std::function<proto::AgentAttributes()> attributes) {
    TempDir directory = TempDir::create("loop").value();
    StopSignal stop;
    ScriptedWorkflow server(
        [&](int call, proto::ActionResponse&) {
            if (call == 3) stop.set();
            return nothing_to_do();
        },
        [](int, const proto::ActionStatusRequest&) { return grpc::Status::OK; });
    Settings settings;
    settings.server = server.address();
    settings.id = "52:54:00:00:00:01";
    auto link = ServerLink::create(settings).value();
    auto journal = Journal::open(directory / "journal").value();
    Logger log(Logger::Options{LogLevel::error, false, false, 2});
    LoopParts parts{*link,
                    journal,
                    stop,
                    log,
                    std::move(attributes),
                    [](const Action&) { return Outcome(); },
                    [] { return false; },
                    settings.max_workflow_data};
    run_agent_loop(Protocol(Backoff(std::chrono::milliseconds(1), [] { return 0.0; }), {}), parts);
    return server.questions();
}

}  // namespace

TEST_CASE("what the machine is made of is looked at before each question") {
    int disks = 0;
    auto questions = questions_of([&] {
        proto::AgentAttributes attributes;
        for (int i = 0; i < disks; ++i) attributes.add_block()->set_name("vd");
        ++disks;
        return attributes;
    });
    REQUIRE(questions.size() == 3);
    for (int i = 0; i < 3; ++i) {
        const auto& question = questions[static_cast<std::size_t>(i)];
        CHECK(question.agent_id() == "52:54:00:00:00:01");
        CHECK(question.has_agent_attributes());
        CHECK(question.agent_attributes().block_size() == i);
    }
}

TEST_CASE("without detection nothing is said of the machine") {
    for (const auto& question : questions_of({})) CHECK_FALSE(question.has_agent_attributes());
}
