#include "agent/server_link.hpp"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

// Tinkerbell's server repeats its own failed writes for a minute before it answers.
constexpr std::chrono::seconds report_deadline{90};

std::shared_ptr<grpc::ChannelCredentials> credentials_for(const Settings& settings) {
    if (!settings.tls) return grpc::InsecureChannelCredentials();
    if (!settings.insecure_tls) return grpc::SslCredentials({});
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_verify_server_certs(false);
    options.set_check_call_host(false);
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    return grpc::experimental::TlsCredentials(options);
}

grpc::ChannelArguments channel_arguments() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 300);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 300);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
    return arguments;
}

void set_time(google::protobuf::Timestamp* target, WallClock::time_point time) {
    auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    target->set_seconds(nanoseconds / 1000000000);
    target->set_nanos(static_cast<std::int32_t>(nanoseconds % 1000000000));
}

proto::ActionStatusRequest::StateType wire_state(Report::State state) {
    switch (state) {
        case Report::State::running:
            return proto::ActionStatusRequest::STATE_TYPE_RUNNING;
        case Report::State::success:
            return proto::ActionStatusRequest::STATE_TYPE_SUCCESS;
        case Report::State::timeout:
            return proto::ActionStatusRequest::STATE_TYPE_TIMEOUT;
        case Report::State::failed:
            break;
    }
    return proto::ActionStatusRequest::STATE_TYPE_FAILED;
}

std::string valid_utf8(std::string text) {
    // A string field with other bytes cannot be sent at all.
    for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return text;
}

}  // namespace

class ServerLink::Call {
  public:
    explicit Call(ServerLink& link) : link_(link) {
        std::lock_guard lock(link_.mutex_);
        link_.under_way_ = &context;
        if (link_.cancelled_) context.TryCancel();
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() {
        std::lock_guard lock(link_.mutex_);
        link_.under_way_ = nullptr;
    }
    grpc::ClientContext context;

  private:
    ServerLink& link_;
};

RpcFailure failure_of(const grpc::Status& status) {
    RpcFailure failure;
    failure.message = status.error_message();
    switch (status.error_code()) {
        case grpc::StatusCode::INVALID_ARGUMENT:
            failure.code = RpcCode::invalid_argument;
            break;
        case grpc::StatusCode::NOT_FOUND:
            failure.code = RpcCode::not_found;
            break;
        case grpc::StatusCode::FAILED_PRECONDITION:
            failure.code = RpcCode::failed_precondition;
            break;
        default:
            // The detail of this type says "no action" whatever the code around it.
            if (status.error_details().find("NO_ACTION_AVAILABLE") != std::string::npos)
                failure.code = RpcCode::failed_precondition;
            failure.message += " (gRPC status " + std::to_string(status.error_code()) + ")";
    }
    return failure;
}

Action from_wire(const proto::ActionResponse& response) {
    Action action;
    action.workflow_id = response.workflow_id();
    action.task_id = response.task_id();
    action.action_id = response.action_id();
    action.name = response.name();
    action.image = response.image();
    // A year is longer than any action; more would overflow the clock.
    constexpr std::int64_t longest = 365LL * 24 * 3600;
    action.timeout = std::chrono::seconds(std::min<std::int64_t>(response.timeout(), longest));
    action.command = {response.command().begin(), response.command().end()};
    action.volumes = {response.volumes().begin(), response.volumes().end()};
    action.environment = {response.environment().begin(), response.environment().end()};
    action.pid_namespace =
        response.namespaces().pid().empty() ? response.pid() : response.namespaces().pid();
    action.network_namespace = response.namespaces().network();
    return action;
}

proto::ActionStatusRequest to_wire(const Report& report, const std::string& agent_id) {
    proto::ActionStatusRequest request;
    const JournalEntry& action = report.action;
    request.set_workflow_id(action.workflow_id);
    request.set_agent_id(agent_id);
    request.set_task_id(action.task_id);
    request.set_action_id(action.action_id);
    request.set_action_name(action.action_name);
    request.set_action_state(wire_state(report.state));
    if (report.state == Report::State::running) {
        request.mutable_execution_start()->set_seconds(year_one_seconds);
        request.mutable_execution_stop()->set_seconds(year_one_seconds);
        request.mutable_message()->set_message("running action");
        return request;
    }
    set_time(request.mutable_execution_start(), action.outcome.start);
    set_time(request.mutable_execution_stop(), action.outcome.stop);
    request.set_execution_duration(
        human_duration(std::chrono::duration_cast<std::chrono::milliseconds>(
            action.outcome.stop - action.outcome.start)));
    request.mutable_message()->set_message(
        valid_utf8(action.outcome.message.empty() ? "action completed" : action.outcome.message));
    return request;
}

ServerLink::ServerLink(std::string id, std::shared_ptr<grpc::Channel> channel)
    : id_(std::move(id)), stub_(proto::WorkflowService::NewStub(std::move(channel))) {}

Result<std::unique_ptr<ServerLink>> ServerLink::create(const Settings& settings) {
    std::size_t colon = settings.server.rfind(':');
    if (colon == std::string::npos || colon == 0 ||
        !parse_u64(std::string_view(settings.server).substr(colon + 1)))
        return Error(ErrorKind::invalid_input,
                     "the server \"" + printable(settings.server) + "\" is not HOST:PORT")
            .hint("Tinkerbell's workflow service usually is at port 42113");
    auto channel =
        grpc::CreateCustomChannel(settings.server, credentials_for(settings), channel_arguments());
    return std::unique_ptr<ServerLink>(new ServerLink(settings.id, std::move(channel)));
}

std::variant<Action, RpcFailure> ServerLink::get_action(const proto::AgentAttributes* attributes) {
    Call call(*this);
    proto::ActionRequest request;
    request.set_agent_id(id_);
    if (attributes != nullptr) *request.mutable_agent_attributes() = *attributes;
    proto::ActionResponse response;
    grpc::Status status = stub_->GetAction(&call.context, request, &response);
    if (!status.ok()) return failure_of(status);
    return from_wire(response);
}

std::optional<RpcFailure> ServerLink::report(const Report& report) {
    Call call(*this);
    call.context.set_deadline(std::chrono::system_clock::now() + report_deadline);
    proto::ActionStatusResponse response;
    grpc::Status status = stub_->ReportActionStatus(&call.context, to_wire(report, id_), &response);
    if (status.ok()) return std::nullopt;
    return failure_of(status);
}

void ServerLink::cancel() {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (under_way_ != nullptr) under_way_->TryCancel();
}

}  // namespace osiekit::agent
