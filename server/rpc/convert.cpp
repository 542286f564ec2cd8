#include "server/rpc/convert.hpp"

namespace osiekit::server {
namespace {

osiekit::v1::State to_message(State state) {
    switch (state) {
        case State::pending:
            return osiekit::v1::STATE_PENDING;
        case State::running:
            return osiekit::v1::STATE_RUNNING;
        case State::success:
            return osiekit::v1::STATE_SUCCESS;
        case State::failed:
            return osiekit::v1::STATE_FAILED;
        case State::timeout:
            return osiekit::v1::STATE_TIMEOUT;
    }
    return osiekit::v1::STATE_UNSPECIFIED;
}

}  // namespace

osiekit::v1::Hardware to_message(const HardwareRecord& record) {
    osiekit::v1::Hardware message;
    message.set_name(record.hardware.name);
    for (const auto& mac : record.hardware.macs()) message.add_macs(mac);
    message.set_document(
        record.hardware.document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    message.set_updated_at_ms(record.updated);
    return message;
}

osiekit::v1::Template to_message(const TemplateRecord& record, bool with_text) {
    osiekit::v1::Template message;
    message.set_name(as_utf8(record.name));
    if (with_text) message.set_text(as_utf8(record.text));
    message.set_created_at_ms(record.created);
    message.set_updated_at_ms(record.updated);
    return message;
}

osiekit::v1::Workflow to_message(const Workflow& workflow, bool with_rendered) {
    osiekit::v1::Workflow message;
    message.set_id(workflow.id);
    message.set_template_name(as_utf8(workflow.template_name));
    message.set_hardware(workflow.hardware);
    message.set_state(to_message(workflow.state));
    message.set_created_at_ms(workflow.created);
    message.set_started_at_ms(workflow.started);
    message.set_finished_at_ms(workflow.finished);
    message.set_global_timeout_seconds(workflow.global_timeout_seconds);
    message.set_message(as_utf8(workflow.message));
    if (with_rendered) message.set_rendered(as_utf8(workflow.rendered));
    for (const auto& action : workflow.actions) {
        auto* out = message.add_actions();
        out->set_id(action.id);
        out->set_task_id(action.task_id);
        out->set_task(as_utf8(action.task));
        out->set_agent_id(as_utf8(action.agent_id));
        out->set_name(as_utf8(action.name));
        out->set_image(action.spec.image);
        out->set_timeout_seconds(action.timeout_seconds);
        out->set_state(to_message(action.state));
        out->set_started_at_ms(action.started);
        out->set_finished_at_ms(action.finished);
        out->set_message(as_utf8(action.message));
        out->set_offers(action.offers);
    }
    return message;
}

osiekit::v1::Event to_message(const Event& event) {
    osiekit::v1::Event message;
    message.set_sequence(event.sequence);
    message.set_time_ms(event.time);
    message.set_kind(as_utf8(event.kind));
    message.set_hardware(event.hardware);
    message.set_mac(event.mac);
    message.set_workflow_id(event.workflow_id);
    message.set_text(as_utf8(event.text));
    message.set_detail_json(as_utf8(event.detail));
    return message;
}

}  // namespace osiekit::server
