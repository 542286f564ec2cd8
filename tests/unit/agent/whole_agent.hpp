#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

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

// For tests of the whole program: the static tink-worker against a scripted server and Debian's
// docker-registry, with an image of one static program (probe.cpp) made by umoci. Needs root.
namespace osiekit::test {

namespace fs = std::filesystem;

using State = proto::ActionStatusRequest;

inline void must_run(const std::vector<std::string>& command) {
    auto output = run_command(command);
    REQUIRE(output);
    INFO(command.front() << ": " << output->err);
    REQUIRE(output->exit_code == 0);
}

// Gives the port.
inline int bind_to_loopback(const Fd& probe) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
}

inline int free_port() {
    Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return bind_to_loopback(probe);
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

inline proto::ActionResponse make_action(const std::string& id,
                                         const std::vector<std::string>& command) {
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
    explicit Workflow(std::vector<proto::ActionResponse> list, grpc::Service* with = nullptr)
        : actions(std::move(list)), beside(with) {}

    std::mutex mutex;
    std::vector<proto::ActionResponse> actions;
    std::set<std::string> done;
    bool refuse_outcomes = false;
    grpc::Service* beside;
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
                            },
                            beside};

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

inline bool appears(const fs::path& path) {
    for (int i = 0; i < 300 && !fs::exists(path); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return fs::exists(path);
}

}  // namespace osiekit::test
