// The whole program: the static tink-worker against a scripted server and Debian's docker-registry,
// with an image of one static program (probe.cpp) made by umoci. Needs root.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/http/http_client.hpp"
#include "tests/unit/agent/processes.hpp"
#include "tests/unit/agent/scripted_workflow.hpp"
#include "tests/unit/oci/scripted_server.hpp"

using namespace osiekit;
namespace fs = std::filesystem;

namespace {

using State = proto::ActionStatusRequest;

void must_run(const std::vector<std::string>& command) {
    auto output = run_command(command);
    REQUIRE(output);
    INFO(command.front() << ": " << output->err);
    REQUIRE(output->exit_code == 0);
}

int free_port() {
    Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
}

// docker-registry with the test's image, once for all cases.
class Registry {
  public:
    static Registry& instance() {
        static Registry registry;
        return registry;
    }
    const std::string& host() const { return host_; }
    std::string image() const { return host_ + "/test/probe:1"; }

  private:
    Registry() {
        int port = free_port();
        host_ = "127.0.0.1:" + std::to_string(port);
        REQUIRE(write_file(directory_ / "config.yml",
                           "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n"
                           "    rootdirectory: " +
                               (directory_ / "data").string() + "\nhttp:\n  addr: " + host_ +
                               "\n"));
        server_ = std::make_unique<ChildProcess>(
            std::vector<std::string>{"docker-registry", "serve", directory_ / "config.yml"},
            directory_ / "registry.log");
        wait_until_up();
        push();
    }
    void wait_until_up() {
        http::Client client;
        http::Request request;
        request.url = "http://" + host_ + "/v2/";
        for (int i = 0; i < 300 && !client.perform(request); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        REQUIRE(client.perform(request));
    }
    // Two layers: the second hides a file of the first.
    void push() {
        std::string layout = directory_ / "layout";
        std::string bundle = directory_ / "bundle";
        std::string root = bundle + "/rootfs";
        must_run({"umoci", "init", "--layout", layout});
        must_run({"umoci", "new", "--image", layout + ":1"});
        must_run({"umoci", "unpack", "--image", layout + ":1", bundle});
        fs::create_directories(root + "/etc");
        fs::copy_file(std::string(OSIEKIT_BIN_DIR) + "/agent_test_probe", root + "/probe");
        REQUIRE(write_file(root + "/etc/passwd", "tester:x:1234:1235::/home/tester:/bin/none\n"));
        REQUIRE(write_file(root + "/hidden", "by the upper layer"));
        REQUIRE(write_file(root + "/gr\xc3\xbc\xc3\x9f", "beyond ASCII"));
        must_run({"umoci", "repack", "--image", layout + ":1", bundle});
        fs::remove_all(bundle);
        must_run({"umoci", "unpack", "--image", layout + ":1", bundle});
        fs::remove(root + "/hidden");
        REQUIRE(write_file(root + "/upper", "upper"));
        must_run({"umoci", "repack", "--image", layout + ":1", bundle});
        must_run({"umoci", "config", "--image", layout + ":1", "--config.entrypoint", "/probe",
                  "--config.cmd", "ids", "--config.env", "FROM=image", "--config.user", "tester"});
        must_run({"skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                  "oci:" + layout + ":1", "docker://" + image()});
    }

    TempDir directory_ = TempDir::create("registry").value();
    std::string host_;
    std::unique_ptr<ChildProcess> server_;
};

proto::ActionResponse make_action(const std::string& id, const std::vector<std::string>& command) {
    proto::ActionResponse action;
    action.set_workflow_id("default/wf");
    action.set_task_id("task");
    action.set_action_id(id);
    action.set_name("do " + id);
    action.set_image(Registry::instance().image());
    action.set_timeout(60);
    for (const std::string& argument : command) action.add_command(argument);
    return action;
}

// A directory of the machine that an action of any user may write to, at /shared inside.
struct Shared {
    TempDir directory = TempDir::create("shared").value();
    Shared() { ::chmod(directory.path().c_str(), 0777); }
    fs::path operator/(const char* name) const { return directory / name; }
    proto::ActionResponse& mount(proto::ActionResponse& action) const {
        action.add_volumes(directory.path().string() + ":/shared");
        return action;
    }
};

// Serves the actions in order, each again until it has an outcome, like Tinkerbell's server.
struct Workflow {
    explicit Workflow(std::vector<proto::ActionResponse> list) : actions(std::move(list)) {}

    std::mutex mutex;
    std::vector<proto::ActionResponse> actions;
    std::set<std::string> done;
    bool refuse_outcomes = false;
    ScriptedWorkflow server{[this](int, proto::ActionResponse& response) {
                                std::lock_guard lock(mutex);
                                for (const auto& action : actions)
                                    if (done.count(action.action_id()) == 0) {
                                        response = action;
                                        return grpc::Status::OK;
                                    }
                                return nothing_to_do();
                            },
                            [this](int, const State& report) {
                                std::lock_guard lock(mutex);
                                if (report.action_state() == State::STATE_TYPE_RUNNING)
                                    return grpc::Status::OK;
                                if (refuse_outcomes)
                                    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now");
                                done.insert(report.action_id());
                                return grpc::Status::OK;
                            }};

    // The outcome of an action that was acknowledged.
    State outcome(const std::string& id) {
        State found;
        REQUIRE(server.wait_for([&](const auto& reports) {
            for (const auto& report : reports)
                if (report.action_id() == id &&
                    report.action_state() != State::STATE_TYPE_RUNNING) {
                    found = report;
                    return true;
                }
            return false;
        }));
        return found;
    }
    std::size_t count(const std::string& id, State::StateType state) const {
        std::size_t n = 0;
        for (const auto& report : server.reports())
            n += report.action_id() == id && report.action_state() == state ? 1 : 0;
        return n;
    }
};

class Agent {
  public:
    explicit Agent(const Workflow& workflow, const std::string& policy = "\"compatible\"",
                   std::vector<std::string> more = {})
        : address_(workflow.server.address()), more_(std::move(more)) {
        REQUIRE(write_file(directory_ / "policy.json", policy));
        start();
    }
    void start() {
        std::vector<std::string> words = {std::string(OSIEKIT_BIN_DIR) + "/tink-worker",
                                          "--id",
                                          "52:54:00:00:00:01",
                                          "--grpc-server",
                                          address_,
                                          "--insecure-registries",
                                          Registry::instance().host(),
                                          "--store",
                                          directory_ / "store",
                                          "--journal",
                                          directory_ / "journal",
                                          "--policy",
                                          directory_ / "policy.json",
                                          "--backoff-max-interval",
                                          "100ms",
                                          "--log-level",
                                          "debug"};
        words.insert(words.end(), more_.begin(), more_.end());
        process_ = std::make_unique<ChildProcess>(words, log_path());
    }
    int kill(int signal) { return process_->kill(signal); }
    std::string log() const { return read_file(log_path()).value(); }
    bool wait_for_log(const std::string& text) const {
        for (int i = 0; i < 300 && log().find(text) == std::string::npos; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return log().find(text) != std::string::npos;
    }
    fs::path log_path() const { return directory_ / "log"; }
    fs::path scratch(const std::string& name) const { return directory_ / name; }

  private:
    TempDir directory_ = TempDir::create("agent").value();
    std::string address_;
    std::vector<std::string> more_;
    std::unique_ptr<ChildProcess> process_;
};

bool appears(const fs::path& path) {
    for (int i = 0; i < 300 && !fs::exists(path); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return fs::exists(path);
}

}  // namespace

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
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
        REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
        return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
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
