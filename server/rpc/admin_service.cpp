#include "server/rpc/admin_service.hpp"

#include "lib/base/text.hpp"
#include "proto/admin.grpc.pb.h"
#include "server/inventory/mac.hpp"
#include "server/rpc/convert.hpp"
#include "server/rpc/event_stream.hpp"
#include "server/rpc/status.hpp"

namespace osiekit::server {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
namespace v1 = osiekit::v1;

Error not_there(const char* what, const std::string& name) {
    return {ErrorKind::not_found,
            std::string("there is no ") + what + " \"" + printable(name, 60) + "\""};
}

DocumentFormat format_of(v1::DocumentFormat format) {
    if (format == v1::DOCUMENT_FORMAT_YAML) return DocumentFormat::yaml;
    if (format == v1::DOCUMENT_FORMAT_JSON) return DocumentFormat::json;
    return DocumentFormat::by_content;
}

ServerUnaryReactor* answer(CallbackServerContext* context, const Status& status) {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(status ? grpc::Status::OK : to_status(status.error()));
    return reactor;
}

class AdminService final : public v1::AdminService::CallbackService {
  public:
    AdminService(Engine& engine, WaitHub& hub) : engine_(engine), hub_(hub) {}

    ServerUnaryReactor* PutHardware(CallbackServerContext* context,
                                    const v1::PutHardwareRequest* request,
                                    v1::Hardware* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(auto record,
                           engine_.put_hardware(request->document(), format_of(request->format())));
            *response = to_message(record);
            return {};
        }());
    }

    ServerUnaryReactor* ListHardware(CallbackServerContext* context, const v1::ListHardwareRequest*,
                                     v1::ListHardwareResponse* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(Session session, engine_.store().read());
            OSIEKIT_ASSIGN(auto all, session.all_hardware());
            for (const auto& one : all) *response->add_hardware() = to_message(one);
            return {};
        }());
    }

    ServerUnaryReactor* GetHardware(CallbackServerContext* context,
                                    const v1::GetHardwareRequest* request,
                                    v1::Hardware* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(Session session, engine_.store().read());
            OSIEKIT_ASSIGN(auto found, session.hardware_by_name_or_mac(request->name_or_mac()));
            if (!found) return not_there("hardware", request->name_or_mac());
            *response = to_message(*found);
            return {};
        }());
    }

    ServerUnaryReactor* CreateTemplate(CallbackServerContext* context,
                                       const v1::CreateTemplateRequest* request,
                                       v1::Template* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(auto record, engine_.put_template(request->name(), request->text()));
            *response = to_message(record, true);
            return {};
        }());
    }

    ServerUnaryReactor* ListTemplates(CallbackServerContext* context,
                                      const v1::ListTemplatesRequest*,
                                      v1::ListTemplatesResponse* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(Session session, engine_.store().read());
            OSIEKIT_ASSIGN(auto all, session.all_templates());
            for (const auto& one : all) *response->add_templates() = to_message(one, false);
            return {};
        }());
    }

    ServerUnaryReactor* GetTemplate(CallbackServerContext* context,
                                    const v1::GetTemplateRequest* request,
                                    v1::Template* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(Session session, engine_.store().read());
            OSIEKIT_ASSIGN(auto found, session.find_template(request->name()));
            if (!found) return not_there("template", request->name());
            *response = to_message(*found, true);
            return {};
        }());
    }

    ServerUnaryReactor* CreateWorkflow(CallbackServerContext* context,
                                       const v1::CreateWorkflowRequest* request,
                                       v1::Workflow* response) override {
        return answer(context, [&]() -> Status {
            HardwareMap map(request->hardware_map().begin(), request->hardware_map().end());
            OSIEKIT_ASSIGN(auto created,
                           engine_.create_workflow(request->template_name(), request->hardware(),
                                                   std::move(map)));
            *response = to_message(created.workflow, true);
            for (const auto& warning : created.warnings) response->add_warnings(as_utf8(warning));
            return {};
        }());
    }

    ServerUnaryReactor* GetWorkflow(CallbackServerContext* context,
                                    const v1::GetWorkflowRequest* request,
                                    v1::Workflow* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(Session session, engine_.store().read());
            OSIEKIT_ASSIGN(auto found, session.workflow(request->id()));
            if (!found) return not_there("workflow", request->id());
            *response = to_message(*found, true);
            return {};
        }());
    }

    ServerUnaryReactor* ListWorkflows(CallbackServerContext* context,
                                      const v1::ListWorkflowsRequest* request,
                                      v1::ListWorkflowsResponse* response) override {
        return answer(context, [&]() -> Status {
            OSIEKIT_ASSIGN(Session session, engine_.store().read());
            std::string hardware = request->hardware();
            if (!hardware.empty()) {
                OSIEKIT_ASSIGN(auto found, session.hardware_by_name_or_mac(hardware));
                if (!found) return not_there("hardware", hardware);
                hardware = found->hardware.name;
            }
            OSIEKIT_ASSIGN(auto all, session.workflows(hardware));
            for (const auto& one : all) *response->add_workflows() = to_message(one, false);
            return {};
        }());
    }

    grpc::ServerWriteReactor<v1::Event>* WatchEvents(
        CallbackServerContext*, const v1::WatchEventsRequest* request) override {
        EventFilter filter;
        filter.workflow_id = request->workflow_id();
        filter.from_sequence = request->from_sequence();
        // An unknown machine may become known: its MAC and its name are both looked for.
        if (!request->hardware().empty()) {
            filter.hardware = request->hardware();
            filter.mac = canonical_mac(request->hardware()).value_or("");
            auto session = engine_.store().read();
            auto found = session ? session->hardware_by_name_or_mac(request->hardware())
                                 : Result<std::optional<HardwareRecord>>(session.error());
            if (found && *found) filter.hardware = (*found)->hardware.name;
        }
        return stream_events(engine_, hub_, std::move(filter), request->follow());
    }

  private:
    Engine& engine_;
    WaitHub& hub_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_admin_service(Engine& engine, WaitHub& hub) {
    return std::make_unique<AdminService>(engine, hub);
}

}  // namespace osiekit::server
