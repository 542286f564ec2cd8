#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "agent/protocol.hpp"
#include "agent/settings.hpp"
#include "agent/worker_link.hpp"
#include "lib/grpc_curl/channel.hpp"
#include "proto/workflow.pb.h"

namespace osiekit::agent {

// The workflow service over gRPC. A dead server or a pulled cable is noticed by TCP within about 20
// s even while GetAction is held, a server that hangs within two minutes at the earliest and six at
// the latest (lib/grpc_curl/keepalive.hpp); the next call makes the connection again. get_action
// and report are called from one thread, cancel from any.
class ServerLink {
  public:
    // Whose protocol the server speaks: found out by asking, newest first, and remembered until it
    // says that it does not know it.
    enum class Generation { agent, kubernetes, long_names, first };

    // `ca_pem`: certificates to trust instead of the system's; empty: the system's. Errors:
    // invalid_input for an address without a port.
    static Result<std::unique_ptr<ServerLink>> create(const Settings& settings,
                                                      const std::string& ca_pem = {});

    // What the machine is; empty: not sent. Asked for only where the protocol has it.
    using Attributes = std::function<proto::AgentAttributes()>;
    // Holds until the server answers (Tinkerbell holds up to a minute).
    std::variant<Action, RpcFailure> get_action(const Attributes& attributes);
    // nullopt: the server has acknowledged it.
    std::optional<RpcFailure> report(const Report& report);
    std::optional<Generation> generation() const { return generation_; }
    // What was done before this agent began: Postgres-era servers rely on the worker to go on.
    void remember(const std::vector<JournalEntry>& journal);

    // Postgres-era servers keep a document for each workflow. Errors: network.
    bool has_workflow_data() const;
    Result<std::string> get_data(const Action& action);
    Status update_data(const Action& action, const std::string& data);

    // For other services of the same server.
    rpc::Channel& channel() { return *channel_; }

    // Ends the call under way and every later one; those of other services go on.
    void cancel();

  private:
    ServerLink(const Settings& settings, std::unique_ptr<rpc::Channel> channel);
    std::pair<std::optional<Action>, rpc::RpcStatus> ask(Generation generation,
                                                         const Attributes& attributes);

    std::string id_;
    std::unique_ptr<rpc::Channel> channel_;
    WorkerLink worker_;
    std::optional<Generation> generation_;
};
std::string_view to_string(ServerLink::Generation generation);

// The messages of the wire. Public for the tests.
proto::ActionStatusRequest to_wire(const Report& report, const std::string& agent_id);
Action from_wire(const proto::ActionResponse& response);
RpcFailure failure_of(const rpc::RpcStatus& status);

// Reports of a start carry year 1 as their times, as nothing has been measured yet.
inline constexpr std::int64_t year_one_seconds = -62135596800;

}  // namespace osiekit::agent
