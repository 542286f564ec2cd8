#include "server/rpc/agent_service.hpp"

#include <atomic>
#include <mutex>

#include "lib/base/text.hpp"
#include "proto/workflow.grpc.pb.h"
#include "server/inventory/mac.hpp"
#include "server/rpc/status.hpp"

namespace osiekit::server {
namespace {

using grpc::StatusCode;

void fill(const Offer& offer, proto::ActionResponse& response) {
    const Action& action = offer.action;
    response.set_workflow_id(offer.workflow_id);
    response.set_task_id(action.task_id);
    response.set_agent_id(offer.agent_id);
    response.set_action_id(action.id);
    response.set_name(action.name);
    response.set_image(action.spec.image);
    response.set_timeout(action.timeout_seconds);
    for (const auto& word : action.spec.command) response.add_command(word);
    for (const auto& volume : action.spec.volumes) response.add_volumes(volume);
    for (const auto& variable : action.spec.environment) response.add_environment(variable);
    const std::string& pid =
        action.spec.namespace_pid.empty() ? action.spec.pid : action.spec.namespace_pid;
    response.set_pid(pid);
    if (!pid.empty()) response.mutable_namespaces()->set_pid(pid);
    if (!action.spec.namespace_network.empty())
        response.mutable_namespaces()->set_network(action.spec.namespace_network);
}

// One GetAction while it is held. The reactor belongs to gRPC until OnDone; `self_` keeps it until
// then. Finish is called once, by whoever sets finished_.
class HeldCall : public grpc::ServerUnaryReactor,
                 public Waiting,
                 public std::enable_shared_from_this<HeldCall> {
  public:
    HeldCall(Engine& engine, WaitHub& hub, const Logger& log, std::string agent_id,
             proto::ActionResponse* response)
        : engine_(engine),
          hub_(hub),
          log_(log),
          agent_id_(std::move(agent_id)),
          response_(response) {}

    void begin(std::chrono::milliseconds hold) {
        self_ = shared_from_this();
        if (look()) return;
        if (!hub_.add(self_, hold)) stopping();
    }

    void changed(const Change& change) override {
        if (!change.everybody && !change.agents.contains(canonical_id(agent_id_))) return;
        if (look()) hub_.remove(this);
    }
    void expired() override { finish(no_action_available(agent_id_)); }
    void stopping() override { finish({StatusCode::UNAVAILABLE, "the server is shutting down"}); }
    void OnCancel() override {
        hub_.remove(this);
        finish({StatusCode::CANCELLED, "the agent gave up"});
    }
    void OnDone() override {
        hub_.remove(this);
        std::shared_ptr<HeldCall> last = std::move(self_);
    }

  private:
    // True if the call is over. Finish is called without the lock: gRPC may run OnDone within it.
    bool look() {
        {
            std::lock_guard lock(mutex_);
            if (finished_) return true;
            auto offer = engine_.next_action_for(agent_id_);
            if (offer && !*offer) return false;
            finished_ = true;
            answer(offer);
        }
        Finish(status_);
        return true;
    }

    void answer(const Result<std::optional<Offer>>& offer) {
        if (!offer) {
            log_.error("choosing an action for " + agent_id_ + ": " + offer.error().to_string());
            status_ = {StatusCode::INTERNAL, offer.error().to_string()};
            return;
        }
        fill(**offer, *response_);
        log_.info("agent " + agent_id_ + ": offered \"" + (*offer)->action.name +
                  "\" of workflow " + (*offer)->workflow_id);
    }

    void finish(const grpc::Status& status) {
        {
            std::lock_guard lock(mutex_);
            if (std::exchange(finished_, true)) return;
        }
        Finish(status);
    }

    Engine& engine_;
    WaitHub& hub_;
    const Logger& log_;
    const std::string agent_id_;
    proto::ActionResponse* response_;
    std::mutex mutex_;
    bool finished_ = false;
    grpc::Status status_;
    std::shared_ptr<HeldCall> self_;
};

std::optional<State> state_of(proto::ActionStatusRequest::StateType state) {
    switch (state) {
        case proto::ActionStatusRequest::STATE_TYPE_PENDING:
            return State::pending;
        case proto::ActionStatusRequest::STATE_TYPE_RUNNING:
            return State::running;
        case proto::ActionStatusRequest::STATE_TYPE_FAILED:
            return State::failed;
        case proto::ActionStatusRequest::STATE_TYPE_TIMEOUT:
            return State::timeout;
        case proto::ActionStatusRequest::STATE_TYPE_SUCCESS:
            return State::success;
        default:
            return std::nullopt;
    }
}

class AgentService final : public proto::WorkflowService::CallbackService {
  public:
    AgentService(Engine& engine, WaitHub& hub, const Logger& log, std::chrono::milliseconds hold)
        : engine_(engine), hub_(hub), log_(log), hold_(hold) {}

    grpc::ServerUnaryReactor* GetAction(grpc::CallbackServerContext* context,
                                        const proto::ActionRequest* request,
                                        proto::ActionResponse* response) override {
        if (request->agent_id().empty()) {
            auto* reactor = context->DefaultReactor();
            reactor->Finish({StatusCode::INVALID_ARGUMENT, "invalid Agent ID"});
            return reactor;
        }
        auto call = std::make_shared<HeldCall>(engine_, hub_, log_, printable(request->agent_id()),
                                               response);
        auto* reactor = call.get();
        call->begin(hold_);
        return reactor;
    }

    grpc::ServerUnaryReactor* ReportActionStatus(grpc::CallbackServerContext* context,
                                                 const proto::ActionStatusRequest* request,
                                                 proto::ActionStatusResponse*) override {
        auto* reactor = context->DefaultReactor();
        reactor->Finish(report(*request));
        return reactor;
    }

  private:
    // Agents stop for good at NotFound, InvalidArgument and FailedPrecondition, so only a request
    // that no agent would send gets one of these. Aborted tells an agent to ask again what to do;
    // Unavailable to repeat the report.
    grpc::Status report(const proto::ActionStatusRequest& request) {
        if (request.workflow_id().empty() || request.task_id().empty() ||
            request.action_id().empty())
            return {StatusCode::INVALID_ARGUMENT,
                    "a report needs workflow_id, task_id and action_id"};
        auto state = state_of(request.action_state());
        if (!state) return {StatusCode::INVALID_ARGUMENT, "a report needs action_state"};
        Report report{request.workflow_id(),
                      request.agent_id(),
                      request.task_id(),
                      request.action_id(),
                      *state,
                      request.message().message(),
                      request.execution_duration()};
        auto applied = engine_.report(report);
        std::string told = "agent " + printable(report.agent_id) + ": \"" +
                           printable(request.action_name()) + "\" is " +
                           std::string(to_string(*state));
        if (!applied) {
            log_.error(told + ", but: " + applied.error().to_string());
            return {StatusCode::UNAVAILABLE, applied.error().to_string()};
        }
        if (applied->reason.empty())
            log_.info(told);
        else
            log_.warning(told + ", ignored: " + applied->reason);
        if (applied->verdict == Verdict::not_now) return {StatusCode::ABORTED, applied->reason};
        return grpc::Status::OK;
    }

    Engine& engine_;
    WaitHub& hub_;
    const Logger& log_;
    const std::chrono::milliseconds hold_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_agent_service(Engine& engine, WaitHub& hub, const Logger& log,
                                                  std::chrono::milliseconds hold) {
    return std::make_unique<AgentService>(engine, hub, log, hold);
}

}  // namespace osiekit::server
