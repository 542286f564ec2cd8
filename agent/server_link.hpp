#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "agent/protocol.hpp"
#include "agent/settings.hpp"
#include "lib/grpc_curl/channel.hpp"
#include "proto/workflow.pb.h"

namespace osiekit::agent {

// The workflow service over gRPC. A dead server or a pulled cable is noticed by TCP within about 20
// s even while GetAction is held; the next call makes the connection again. get_action and report
// are called from one thread, cancel from any.
class ServerLink {
  public:
    // Errors: invalid_input for an address without a port.
    static Result<std::unique_ptr<ServerLink>> create(const Settings& settings);

    // Holds until the server answers (Tinkerbell holds up to a minute). `attributes` may be null.
    std::variant<Action, RpcFailure> get_action(const proto::AgentAttributes* attributes);
    // nullopt: the server has acknowledged it.
    std::optional<RpcFailure> report(const Report& report);
    // Ends the call under way and every later one.
    void cancel();

  private:
    ServerLink(std::string id, std::unique_ptr<rpc::Channel> channel);

    std::string id_;
    std::unique_ptr<rpc::Channel> channel_;
};

// The messages of the wire. Public for the tests.
proto::ActionStatusRequest to_wire(const Report& report, const std::string& agent_id);
Action from_wire(const proto::ActionResponse& response);
RpcFailure failure_of(const rpc::RpcStatus& status);

// Reports of a start carry year 1 as their times, as nothing has been measured yet.
inline constexpr std::int64_t year_one_seconds = -62135596800;

}  // namespace osiekit::agent
