#include "server/cli/client.hpp"

#include <grpcpp/grpcpp.h>

#include <array>
#include <chrono>
#include <ctime>

#include "proto/admin.grpc.pb.h"
#include "proto/logs.grpc.pb.h"

namespace osiekit::tink {
namespace {

namespace v1 = osiekit::v1;
constexpr std::chrono::seconds call_deadline{20};

// RFC 3339 with milliseconds; null for "not yet".
Json time_of(std::int64_t millis) {
    if (millis == 0) return nullptr;
    auto seconds = static_cast<std::time_t>(millis / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::string fraction = std::to_string(1000 + millis % 1000).substr(1);
    return std::string(date.data()) + "." + fraction + "Z";
}

std::string state_name(v1::State state) {
    constexpr std::string_view prefix = "STATE_";
    std::string name = v1::State_Name(state);
    return name.starts_with(prefix) ? name.substr(prefix.size()) : "UNKNOWN";
}

Json parsed(const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_discarded() ? Json::object() : value;
}

Json to_json(const v1::Hardware& hardware) {
    return {{"name", hardware.name()},
            {"macs", std::vector<std::string>(hardware.macs().begin(), hardware.macs().end())},
            {"updated_at", time_of(hardware.updated_at_ms())},
            {"document", parsed(hardware.document())}};
}

Json to_json(const v1::Template& record, bool with_text) {
    Json json = {{"name", record.name()},
                 {"created_at", time_of(record.created_at_ms())},
                 {"updated_at", time_of(record.updated_at_ms())}};
    if (with_text) json["text"] = record.text();
    return json;
}

Json to_json(const v1::Action& action) {
    return {{"id", action.id()},
            {"task", action.task()},
            {"task_id", action.task_id()},
            {"agent_id", action.agent_id()},
            {"name", action.name()},
            {"image", action.image()},
            {"timeout_seconds", action.timeout_seconds()},
            {"state", state_name(action.state())},
            {"started_at", time_of(action.started_at_ms())},
            {"finished_at", time_of(action.finished_at_ms())},
            {"offers", action.offers()},
            {"message", action.message()}};
}

Json to_json(const v1::Workflow& workflow) {
    Json json = {{"id", workflow.id()},
                 {"template", workflow.template_name()},
                 {"hardware", workflow.hardware()},
                 {"state", state_name(workflow.state())},
                 {"created_at", time_of(workflow.created_at_ms())},
                 {"started_at", time_of(workflow.started_at_ms())},
                 {"finished_at", time_of(workflow.finished_at_ms())},
                 {"global_timeout_seconds", workflow.global_timeout_seconds()},
                 {"message", workflow.message()},
                 {"actions", Json::array()}};
    for (const auto& action : workflow.actions()) json["actions"].push_back(to_json(action));
    if (!workflow.rendered().empty()) json["rendered"] = workflow.rendered();
    for (const auto& warning : workflow.warnings()) json["warnings"].push_back(warning);
    return json;
}

Json to_json(const v1::Event& event) {
    return {{"sequence", event.sequence()}, {"time", time_of(event.time_ms())},
            {"kind", event.kind()},         {"hardware", event.hardware()},
            {"mac", event.mac()},           {"workflow", event.workflow_id()},
            {"text", event.text()},         {"detail", parsed(event.detail_json())}};
}

Json to_json(const v1::LogRecord& record) {
    Json json = {{"sequence", record.sequence()},     {"action", record.action_name()},
                 {"action_id", record.action_id()},   {"run", record.run()},
                 {"first_line", record.first_line()}, {"lines", Json::array()}};
    for (const auto& line : record.lines())
        json["lines"].push_back({{"time", time_of(line.time_us() / 1000)},
                                 {"stream", line.error() ? "stderr" : "stdout"},
                                 {"text", line.text()}});
    return json;
}

class GrpcClient final : public Client {
  public:
    explicit GrpcClient(std::string server)
        : server_(std::move(server)),
          channel_(
              grpc::CreateCustomChannel(server_, grpc::InsecureChannelCredentials(), arguments())),
          stub_(v1::AdminService::NewStub(channel_)) {}

    Result<Json> put_hardware(const std::string& document) override {
        v1::PutHardwareRequest request;
        request.set_document(document);
        v1::Hardware reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::PutHardware, request, reply));
        return to_json(reply);
    }

    Result<Json> list_hardware() override {
        v1::ListHardwareResponse reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::ListHardware, v1::ListHardwareRequest(), reply));
        Json list = Json::array();
        for (const auto& one : reply.hardware()) list.push_back(to_json(one));
        return list;
    }

    Result<Json> get_hardware(const std::string& key) override {
        v1::GetHardwareRequest request;
        request.set_name_or_mac(key);
        v1::Hardware reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::GetHardware, request, reply));
        return to_json(reply);
    }

    Result<Json> create_template(const std::string& name, const std::string& text) override {
        v1::CreateTemplateRequest request;
        request.set_name(name);
        request.set_text(text);
        v1::Template reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::CreateTemplate, request, reply));
        return to_json(reply, false);
    }

    Result<Json> list_templates() override {
        v1::ListTemplatesResponse reply;
        OSIEKIT_TRY(
            call(&v1::AdminService::Stub::ListTemplates, v1::ListTemplatesRequest(), reply));
        Json list = Json::array();
        for (const auto& one : reply.templates()) list.push_back(to_json(one, false));
        return list;
    }

    Result<Json> get_template(const std::string& name) override {
        v1::GetTemplateRequest request;
        request.set_name(name);
        v1::Template reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::GetTemplate, request, reply));
        return to_json(reply, true);
    }

    Result<Json> create_workflow(const std::string& template_name, const std::string& hardware,
                                 const std::map<std::string, std::string>& map) override {
        v1::CreateWorkflowRequest request;
        request.set_template_name(template_name);
        request.set_hardware(hardware);
        request.mutable_hardware_map()->insert(map.begin(), map.end());
        v1::Workflow reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::CreateWorkflow, request, reply));
        return to_json(reply);
    }

    Result<Json> get_workflow(const std::string& id) override {
        v1::GetWorkflowRequest request;
        request.set_id(id);
        v1::Workflow reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::GetWorkflow, request, reply));
        return to_json(reply);
    }

    Result<Json> list_workflows(const std::string& hardware) override {
        v1::ListWorkflowsRequest request;
        request.set_hardware(hardware);
        v1::ListWorkflowsResponse reply;
        OSIEKIT_TRY(call(&v1::AdminService::Stub::ListWorkflows, request, reply));
        Json list = Json::array();
        for (const auto& one : reply.workflows()) list.push_back(to_json(one));
        return list;
    }

    Status events(const WatchOptions& options, const EventHandler& handler) override {
        v1::WatchEventsRequest request;
        request.set_workflow_id(options.workflow);
        request.set_hardware(options.hardware);
        request.set_from_sequence(options.from_sequence);
        request.set_follow(options.follow);
        grpc::ClientContext context;
        auto reader = stub_->WatchEvents(&context, request);
        v1::Event event;
        while (reader->Read(&event)) {
            if (handler(to_json(event))) continue;
            context.TryCancel();
            while (reader->Read(&event)) {
            }
            (void)reader->Finish();
            return {};
        }
        return checked(reader->Finish());
    }

    Status logs(const LogOptions& options, const LogHandler& handler) override {
        v1::ReadLogsRequest request;
        request.set_workflow_id(options.workflow);
        request.set_action(options.action);
        request.set_from_sequence(options.from_sequence);
        request.set_follow(options.follow);
        grpc::ClientContext context;
        auto reader = v1::LogService::NewStub(channel_)->ReadLogs(&context, request);
        v1::LogRecord record;
        while (reader->Read(&record)) handler(to_json(record));
        return checked(reader->Finish());
    }

  private:
    static grpc::ChannelArguments arguments() {
        grpc::ChannelArguments arguments;
        // A server that vanished without a word (cable, power) is noticed while watching.
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
        arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
        arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
        arguments.SetMaxReceiveMessageSize(-1);
        return arguments;
    }

    template <typename Method, typename Request, typename Reply>
    Status call(Method method, const Request& request, Reply& reply) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + call_deadline);
        return checked((stub_.get()->*method)(&context, request, &reply));
    }

    Status checked(const grpc::Status& status) const {
        switch (status.error_code()) {
            case grpc::StatusCode::OK:
                return {};
            case grpc::StatusCode::INVALID_ARGUMENT:
                return Error(ErrorKind::invalid_input, status.error_message());
            case grpc::StatusCode::NOT_FOUND:
                return Error(ErrorKind::not_found, status.error_message());
            case grpc::StatusCode::UNIMPLEMENTED:
                return Error(ErrorKind::unsupported, server_ + " does not know this call")
                    .hint("is it an osie-server of this version?");
            case grpc::StatusCode::UNAVAILABLE:
            case grpc::StatusCode::DEADLINE_EXCEEDED:
                return Error(ErrorKind::network,
                             "no answer from " + server_ + ": " + status.error_message())
                    .hint("is osie-server running there? name it by --server or TINK_SERVER");
            default:
                return Error(ErrorKind::io, server_ + " failed: " + status.error_message());
        }
    }

    std::string server_;
    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<v1::AdminService::Stub> stub_;
};

}  // namespace

std::unique_ptr<Client> Client::create(const std::string& server) {
    return std::make_unique<GrpcClient>(server);
}

}  // namespace osiekit::tink
