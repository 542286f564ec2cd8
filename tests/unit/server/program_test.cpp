// The real programs: osie-server killed in the middle of its work, tink against it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <grpcpp/grpcpp.h>

#include "fixtures.hpp"
#include "lib/base/child.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "proto/workflow.grpc.pb.h"

using namespace osiekit;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

const std::string programs = OSIEKIT_BIN_DIR;

// A running osie-server without netboot; killed by the destructor.
class ServerProcess {
  public:
    ServerProcess(const std::filesystem::path& data, std::uint16_t port = 0) {
        int pipe[2];
        REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
        Fd read_end(pipe[0]);
        Fd write_end(pipe[1]);
        std::string program = programs + "/osie-server";
        std::string number = std::to_string(port);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(write_end.get(), 2);
            ::execl(program.c_str(), program.c_str(), "--no-netboot", "--data", data.c_str(),
                    "--grpc-listen", "127.0.0.1", "--grpc-port", number.c_str(),
                    static_cast<char*>(nullptr));
            ::_exit(127);
        }
        write_end.reset();
        log_ = std::move(read_end);
        wait_until_ready();
    }
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    ~ServerProcess() { end(SIGKILL); }

    int end(int signal) {
        if (pid_ <= 0) return 0;
        ::kill(pid_, signal);
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }
    std::uint16_t port() const { return port_; }
    std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }

  private:
    // Reads the log up to "ready: gRPC on ADDRESS:PORT".
    void wait_until_ready() {
        std::string text;
        char byte = 0;
        while (::read(log_.get(), &byte, 1) == 1) {
            text += byte;
            auto at = text.find("ready: gRPC on 127.0.0.1:");
            if (at == std::string::npos || byte != '\n') continue;
            port_ = static_cast<std::uint16_t>(std::stoi(text.substr(at + 25)));
            return;
        }
        FAIL("osie-server did not start: " + text);
    }

    pid_t pid_ = -1;
    Fd log_;
    std::uint16_t port_ = 0;
};

CommandOutput tink(const ServerProcess& server, std::vector<std::string> words) {
    words.insert(words.begin(), {programs + "/tink", "--server", server.authority()});
    auto output = run_command(words);
    if (!output) FAIL(output.error().to_string());
    return *output;
}

json tink_json(const ServerProcess& server, std::vector<std::string> words) {
    words.push_back("--json");
    auto output = tink(server, std::move(words));
    INFO(output.err);
    REQUIRE(output.exit_code == 0);
    return json::parse(output.out);
}

// Asks for the action and reports that it is in this state; true if the server said so.
bool acknowledged(const ServerProcess& server, proto::ActionStatusRequest::StateType state) {
    auto stub = proto::WorkflowService::NewStub(
        grpc::CreateChannel(server.authority(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext asking;
    proto::ActionRequest question;
    question.set_agent_id(mac);
    proto::ActionResponse action;
    if (!stub->GetAction(&asking, question, &action).ok()) return false;
    grpc::ClientContext telling;
    proto::ActionStatusRequest report;
    report.set_workflow_id(action.workflow_id());
    report.set_agent_id(mac);
    report.set_task_id(action.task_id());
    report.set_action_id(action.action_id());
    report.set_action_state(state);
    proto::ActionStatusResponse nothing;
    return stub->ReportActionStatus(&telling, report, &nothing).ok();
}

std::string queue(const ServerProcess& server, const TempDir& folder) {
    REQUIRE(write_file(folder / "machine.yaml", machine));
    REQUIRE(write_file(folder / "template.yaml", two_actions));
    CHECK(tink(server, {"hardware", "push", folder / "machine.yaml"}).out == "machine-1\n");
    CHECK(tink(server, {"template", "create", "--name", "install", folder / "template.yaml"})
              .exit_code == 0);
    auto created = tink(server, {"workflow", "create", "--template", "install", "--hardware", mac});
    REQUIRE(created.exit_code == 0);
    return created.out.substr(0, created.out.size() - 1);
}

}  // namespace

TEST_CASE("kill -9 loses nothing that was acknowledged") {
    auto folder = TempDir::create("osiekit-kill").value();
    std::string id;
    std::uint16_t port = 0;
    using Request = proto::ActionStatusRequest;
    {
        ServerProcess server(folder / "data");
        port = server.port();
        id = queue(server, folder);
        REQUIRE(acknowledged(server, Request::STATE_TYPE_RUNNING));
        REQUIRE(acknowledged(server, Request::STATE_TYPE_SUCCESS));
        server.end(SIGKILL);
    }
    {
        ServerProcess server(folder / "data", port);
        auto workflow = tink_json(server, {"workflow", "get", id});
        CHECK(workflow["state"] == "RUNNING");
        CHECK(workflow["actions"][0]["state"] == "SUCCESS");
        CHECK(workflow["actions"][1]["state"] == "PENDING");
        REQUIRE(acknowledged(server, Request::STATE_TYPE_SUCCESS));
        server.end(SIGKILL);
    }
    ServerProcess server(folder / "data");
    CHECK(tink_json(server, {"workflow", "get", id})["state"] == "SUCCESS");
    auto events = tink(server, {"workflow", "events", id, "--json"});
    CHECK(std::count(events.out.begin(), events.out.end(), '\n') == 9);
    CHECK(server.end(SIGTERM) == 0);
}

TEST_CASE("Watching goes on over a restart of the server") {
    auto folder = TempDir::create("osiekit-watch").value();
    auto server = std::make_unique<ServerProcess>(folder / "data");
    std::uint16_t port = server->port();
    std::string id = queue(*server, folder);
    int pipe[2];
    REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    Fd out(pipe[0]);
    Fd in(pipe[1]);
    pid_t watcher = ::fork();
    if (watcher == 0) {
        ::dup2(in.get(), 1);
        std::string program = programs + "/tink";
        ::execl(program.c_str(), program.c_str(), "--server", server->authority().c_str(),
                "workflow", "events", id.c_str(), "--watch", "--json", static_cast<char*>(nullptr));
        ::_exit(127);
    }
    in.reset();
    std::string text;
    char byte = 0;
    while (text.find('\n') == std::string::npos && ::read(out.get(), &byte, 1) == 1) text += byte;
    CHECK_THAT(text, Contains("workflow.created"));
    server->end(SIGKILL);
    server = std::make_unique<ServerProcess>(folder / "data", port);
    REQUIRE(acknowledged(*server, proto::ActionStatusRequest::STATE_TYPE_FAILED));
    while (::read(out.get(), &byte, 1) == 1) text += byte;
    int status = 0;
    ::waitpid(watcher, &status, 0);
    CHECK(WEXITSTATUS(status) == 1);  // the workflow failed
    CHECK_THAT(text, Contains("workflow.finished"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 5);
}

TEST_CASE("Programs answer with exit codes and sentences") {
    auto folder = TempDir::create("osiekit-exit").value();
    ServerProcess server(folder / "data");
    auto in_use = run_command(
        {programs + "/osie-server", "--no-netboot", "--data", folder / "data", "--grpc-port", "0"});
    REQUIRE(in_use);
    CHECK(in_use->exit_code == 1);
    CHECK_THAT(in_use->err, Contains("is in use") && Contains("hint"));

    CHECK(tink(server, {"workflow", "get", "none"}).exit_code == 1);
    CHECK(tink(server, {"workflow", "events", "none", "--watch"}).exit_code == 1);
    CHECK(tink(server, {"workflow"}).exit_code == 2);
    CHECK(tink(server, {"hardware", "push", folder / "missing"}).exit_code == 1);
    REQUIRE(write_file(folder / "bad.yaml", "kind: Hardware\n"));
    auto bad = tink(server, {"hardware", "push", folder / "bad.yaml"});
    CHECK(bad.exit_code == 2);
    CHECK_THAT(bad.err, Contains("metadata.name: is missing"));
    CHECK_THAT(tink(server, {"--help"}).out, Contains("Examples:"));
    CHECK_THAT(tink(server, {"--version"}).out, Contains(OSIEKIT_VERSION));
    CHECK(tink(server, {"workflow", "list"}).out ==
          "ID  TEMPLATE  HARDWARE  STATE  DONE  CREATED  DURATION\n");
    server.end(SIGTERM);
    auto gone =
        run_command({programs + "/tink", "--server", server.authority(), "hardware", "list"});
    REQUIRE(gone);
    CHECK(gone->exit_code == 1);
    CHECK_THAT(gone->err, Contains("is osie-server running there?"));
}
