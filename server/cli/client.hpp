#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/base/result.hpp"

namespace osiekit::tink {

using Json = nlohmann::ordered_json;

struct WatchOptions {
    std::string workflow;
    std::string hardware;  // name or MAC
    std::uint64_t from_sequence = 0;
    bool follow = false;
};

struct LogOptions {
    std::string workflow;
    std::string action;  // name or id; empty: all
    std::uint64_t from_sequence = 0;
    bool follow = false;
};

// Gets lines of one run of an action that stand together.
using LogHandler = std::function<void(const Json& record)>;

// Says whether to go on watching.
using EventHandler = std::function<bool(const Json& event)>;

// The administration service. Answers are JSON as `--json` prints it (docs in commands.cpp's help);
// errors have kind invalid_input or not_found where the server says so, network where it cannot be
// reached.
class Client {
  public:
    // HOST:PORT. Connects with the first call.
    static std::unique_ptr<Client> create(const std::string& server);
    virtual ~Client() = default;

    virtual Result<Json> put_hardware(const std::string& document) = 0;
    virtual Result<Json> list_hardware() = 0;
    virtual Result<Json> get_hardware(const std::string& key) = 0;
    virtual Result<Json> create_template(const std::string& name, const std::string& text) = 0;
    virtual Result<Json> list_templates() = 0;
    virtual Result<Json> get_template(const std::string& name) = 0;
    virtual Result<Json> create_workflow(const std::string& template_name,
                                         const std::string& hardware,
                                         const std::map<std::string, std::string>& map) = 0;
    virtual Result<Json> get_workflow(const std::string& id) = 0;
    virtual Result<Json> list_workflows(const std::string& hardware) = 0;
    // One stream: ends with success when the server has no more, or the handler says stop.
    virtual Status events(const WatchOptions& options, const EventHandler& handler) = 0;
    // One stream of actions' output: ends with success when the server has no more.
    virtual Status logs(const LogOptions& options, const LogHandler& handler) = 0;
};

}  // namespace osiekit::tink
