#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "agent/worker_protocol.hpp"
#include "lib/grpc_curl/channel.hpp"

namespace osiekit::agent {

// The calls of tink-worker to its servers. Used by one thread.
class WorkerLink {
  public:
    WorkerLink(rpc::Channel& channel, std::string id, std::string registry)
        : channel_(channel), id_(std::move(id)), registry_(std::move(registry)) {}

    // The next action of the first workflow that has one; no value: there is none. The status is
    // the server's to the last call; `unimplemented` means that it is of another generation.
    std::pair<std::optional<Action>, rpc::RpcStatus> get_action(WorkerGeneration generation);
    rpc::RpcStatus report(WorkerGeneration generation, const Report& report);

    // Postgres-era servers do not offer a workflow again to a worker that starts between two
    // actions: go on behind this one.
    void go_on_after(const std::string& workflow_id, std::size_t index) {
        done_ = {workflow_id, index};
    }

    // The workflow's data; empty: none.
    std::variant<std::string, rpc::RpcStatus> get_data(WorkerGeneration generation,
                                                       const std::string& workflow_id);
    rpc::RpcStatus update_data(WorkerGeneration generation, const Action& action,
                               const std::string& data);

  private:
    struct Done {
        std::string workflow_id;
        std::size_t index;
    };
    std::pair<std::optional<Action>, rpc::RpcStatus> action_behind_done(
        WorkerGeneration generation);
    rpc::RpcStatus get_actions(WorkerGeneration generation, const std::string& workflow_id,
                               tink_worker::WorkflowActionList& actions);

    rpc::Channel& channel_;
    const std::string id_;
    const std::string registry_;  // the prefix of every image; empty: none
    std::optional<Done> done_;    // what has succeeded last
};

}  // namespace osiekit::agent
