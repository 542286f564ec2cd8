#include "server/workflow/engine.hpp"

#include "lib/base/text.hpp"
#include "server/inventory/mac.hpp"
#include "server/template/template.hpp"
#include "server/workflow/document.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

constexpr std::size_t max_record_name = 253;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string in_quotes(const std::string& text) {
    return "\"" + printable(text, 60) + "\"";
}

Event workflow_event(const Workflow& workflow, UnixMillis now, std::string kind, std::string text,
                     json detail = json::object()) {
    Event event;
    event.time = now;
    event.kind = std::move(kind);
    event.hardware = workflow.hardware;
    if (!workflow.actions.empty() && canonical_mac(workflow.actions[0].agent_id))
        event.mac = workflow.actions[0].agent_id;
    event.workflow_id = workflow.id;
    event.text = std::move(text);
    event.detail = dump(detail);
    return event;
}

json action_detail(const Action& action) {
    return {{"task", action.task},    {"action", action.name},
            {"action_id", action.id}, {"image", action.spec.image},
            {"offer", action.offers}, {"state", to_string(action.state)}};
}

std::string seconds_text(UnixMillis from, UnixMillis to) {
    auto millis = to > from ? to - from : 0;
    return std::to_string(millis / 1000) + "." + std::to_string(millis % 1000 / 100) + " s";
}

Error not_found(const char* what, const std::string& name, std::vector<std::string> names,
                const std::string& otherwise) {
    Error error(ErrorKind::not_found, std::string("there is no ") + what + " " + in_quotes(name));
    if (auto near = nearest(name, names))
        return std::move(error).hint("did you mean '" + *near + "'?");
    return std::move(error).hint(otherwise);
}

}  // namespace

Engine::Engine(Store& store, Clock clock, IdSource ids)
    : store_(store), clock_(std::move(clock)), ids_(std::move(ids)) {}

void Engine::changed(const Change& change) const {
    if (listener_) listener_(change);
}

Result<std::set<std::string>> Engine::agents_of(Session& session, const Workflow& workflow) {
    std::set<std::string> result;
    for (const auto& action : workflow.actions) {
        if (result.contains(action.agent_id)) continue;
        OSIEKIT_ASSIGN(auto ids, session.agent_aliases(action.agent_id));
        result.insert(ids.begin(), ids.end());
    }
    return result;
}

Result<HardwareRecord> Engine::put_hardware(std::string_view document, DocumentFormat format) {
    OSIEKIT_ASSIGN(Hardware hardware, parse_hardware(document, format));
    UnixMillis now = clock_();
    Change change;
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        OSIEKIT_TRY(session.put_hardware(hardware, now)
                        .context("storing the hardware " + in_quotes(hardware.name)));
        Event event;
        event.time = now;
        event.kind = "hardware.put";
        event.hardware = hardware.name;
        event.mac = hardware.macs().front();
        event.text = "hardware " + hardware.name + " (" + join(hardware.macs(), ", ") + ") stored";
        event.detail = dump({{"macs", hardware.macs()}});
        OSIEKIT_TRY(session.append_event(event));
        // What its agent is called may have changed.
        OSIEKIT_ASSIGN(change.agents, session.agent_aliases(hardware.name));
        OSIEKIT_TRY(session.commit());
    }
    changed(change);
    return HardwareRecord{std::move(hardware), now};
}

Result<TemplateRecord> Engine::put_template(const std::string& name, const std::string& text) {
    std::string attempted = "storing the template " + in_quotes(name);
    if (trim(name).empty() || name.size() > max_record_name)
        return Error(ErrorKind::invalid_input, "a template's name has 1 to " +
                                                   std::to_string(max_record_name) + " characters")
            .context(attempted);
    auto parsed = Template::parse(text);
    if (!parsed) return std::move(parsed).error().context(attempted);
    // Without any action in it the text is the document already: say now what is wrong with it.
    if (text.find("{{") == std::string::npos) {
        auto document = parse_workflow_document(text);
        if (!document) return std::move(document).error().context(attempted);
    }
    UnixMillis now = clock_();
    TemplateRecord record{name, text, now, now};
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        OSIEKIT_ASSIGN(auto old, session.find_template(name));
        if (old) record.created = old->created;
        OSIEKIT_TRY(session.put_template(name, text, now));
        Event event;
        event.time = now;
        event.kind = "template.put";
        event.text = "template " + printable(name, 60) + " stored";
        event.detail = dump({{"template", name}});
        OSIEKIT_TRY(session.append_event(event));
        OSIEKIT_TRY(session.commit());
    }
    changed({});
    return record;
}

Result<Workflow> Engine::render(Session& session, const std::string& template_name,
                                const Hardware& hardware, HardwareMap map,
                                std::vector<std::string>& warnings) {
    OSIEKIT_ASSIGN(auto record, session.find_template(template_name));
    if (!record) {
        OSIEKIT_ASSIGN(auto all, session.all_templates());
        std::vector<std::string> names;
        for (const auto& one : all) names.push_back(one.name);
        return not_found("template", template_name, names, "see: tink template list");
    }
    std::string attempted =
        "rendering the template " + in_quotes(template_name) + " for " + in_quotes(hardware.name);
    auto parsed = Template::parse(record->text);
    if (!parsed) return std::move(parsed).error().context(attempted);
    auto text = parsed->render(template_data(hardware, map));
    if (!text) return std::move(text).error().context(attempted);
    auto document = parse_workflow_document(*text);
    if (!document)
        return std::move(document).error().context("reading the template " +
                                                   in_quotes(template_name) + " as rendered for " +
                                                   in_quotes(hardware.name));
    Workflow workflow;
    workflow.id = ids_();
    workflow.template_name = template_name;
    workflow.hardware = hardware.name;
    workflow.created = clock_();
    workflow.global_timeout_seconds = document->global_timeout_seconds;
    workflow.rendered = std::move(*text);
    for (auto& task : document->tasks) {
        std::string task_id = ids_();
        for (auto& action : task.actions) {
            action.id = ids_();
            action.task_id = task_id;
            workflow.actions.push_back(std::move(action));
        }
    }
    warnings = document->warnings;
    return workflow;
}

Result<Created> Engine::create_workflow(const std::string& template_name,
                                        const std::string& hardware, HardwareMap map) {
    Created created;
    Change change;
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        OSIEKIT_ASSIGN(auto record, session.hardware_by_name_or_mac(hardware));
        if (!record) {
            OSIEKIT_ASSIGN(auto all, session.all_hardware());
            std::vector<std::string> names;
            for (const auto& one : all) names.push_back(one.hardware.name);
            return not_found("hardware", hardware, names, "see: tink hardware list");
        }
        // Named by one of its MACs, that is the port meant.
        if (auto mac = canonical_mac(hardware); mac && record->hardware.agent_id.empty())
            for (const char* key : {"device_1", "worker_id"}) map.try_emplace(key, *mac);
        OSIEKIT_ASSIGN(created.workflow, render(session, template_name, record->hardware,
                                                std::move(map), created.warnings));
        const Workflow& workflow = created.workflow;
        OSIEKIT_TRY(session.insert_workflow(workflow).context("storing the workflow"));
        OSIEKIT_TRY(session.append_event(workflow_event(
            workflow, workflow.created, "workflow.created",
            "workflow of template " + printable(template_name, 60) + " for " + workflow.hardware +
                ", " + std::to_string(workflow.actions.size()) + " actions",
            {{"template", template_name}, {"actions", workflow.actions.size()}})));
        OSIEKIT_ASSIGN(change.agents, agents_of(session, workflow));
        OSIEKIT_TRY(session.commit());
    }
    changed(change);
    return created;
}

Result<std::optional<Offer>> Engine::next_action_for(const std::string& agent_id) {
    std::optional<Offer> offer;
    {
        // Most who ask have nothing to do: that needs no write lock.
        OSIEKIT_ASSIGN(Session look, store_.read());
        OSIEKIT_ASSIGN(auto ids, look.agent_aliases(agent_id));
        OSIEKIT_ASSIGN(auto workflows, look.unfinished_for(ids));
        bool any = false;
        for (const auto& workflow : workflows) any = any || next_action(workflow, ids);
        if (!any) return offer;
    }
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        OSIEKIT_ASSIGN(auto ids, session.agent_aliases(agent_id));
        OSIEKIT_ASSIGN(auto workflows, session.unfinished_for(ids));
        for (auto& workflow : workflows) {
            auto position = next_action(workflow, ids);
            if (!position) continue;
            Action& action = workflow.actions[*position];
            note_offer(action);
            OSIEKIT_TRY(session.update_action(workflow.id, *position, action));
            OSIEKIT_TRY(session.append_event(workflow_event(
                workflow, clock_(), "action.offered",
                "action \"" + action.name + "\" offered to " + printable(agent_id, 60) +
                    (action.offers > 1 ? ", time " + std::to_string(action.offers) : ""),
                action_detail(action))));
            OSIEKIT_TRY(session.commit());
            offer = Offer{workflow.id, agent_id, action};
            break;
        }
    }
    if (offer) changed({});
    return offer;
}

Status Engine::record(Session& session, const Workflow& workflow, const Applied& applied,
                      const Report& report) {
    const Action& action = workflow.actions[applied.position];
    OSIEKIT_TRY(session.update_action(workflow.id, applied.position, action));
    OSIEKIT_TRY(session.update_workflow(workflow));
    UnixMillis now = report.state == State::running ? action.started : action.finished;
    std::string name = "action \"" + action.name + "\"";
    json detail = action_detail(action);
    if (applied.workflow_started)
        OSIEKIT_TRY(session.append_event(workflow_event(workflow, now, "workflow.started",
                                                        "workflow started by " + report.agent_id)));
    if (report.state == State::running) {
        OSIEKIT_TRY(session.append_event(
            workflow_event(workflow, now, "action.started", name + " started", std::move(detail))));
        return {};
    }
    detail["duration_ms"] = action.finished - action.started;
    std::string text = name + " ended with " + std::string(to_string(action.state)) + " after " +
                       seconds_text(action.started, action.finished);
    if (action.state != State::success && !action.message.empty()) text += ": " + action.message;
    OSIEKIT_TRY(session.append_event(
        workflow_event(workflow, now, "action.finished", text, std::move(detail))));
    if (applied.workflow_finished) {
        std::string end = "workflow ended with " + std::string(to_string(workflow.state)) +
                          " after " + seconds_text(workflow.started, workflow.finished);
        if (!workflow.message.empty()) end += ": " + workflow.message;
        OSIEKIT_TRY(session.append_event(
            workflow_event(workflow, now, "workflow.finished", end,
                           {{"state", to_string(workflow.state)},
                            {"duration_ms", workflow.finished - workflow.started}})));
    }
    return {};
}

Result<Applied> Engine::report(const Report& report) {
    Applied applied;
    Change change;
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        OSIEKIT_ASSIGN(auto workflow, session.workflow(report.workflow_id));
        OSIEKIT_ASSIGN(auto ids, session.agent_aliases(report.agent_id));
        if (workflow) {
            applied = apply_report(*workflow, report, ids, clock_());
        } else {
            applied.verdict = report.state == State::running ? Verdict::not_now : Verdict::ignored;
            applied.reason = "there is no such workflow";
        }
        if (applied.verdict == Verdict::repeated) return applied;
        if (applied.verdict == Verdict::accepted) {
            OSIEKIT_TRY(record(session, *workflow, applied, report));
            OSIEKIT_ASSIGN(change.agents, agents_of(session, *workflow));
        } else {
            Event event;
            event.time = clock_();
            event.kind = "report.ignored";
            event.mac = canonical_mac(report.agent_id).value_or("");
            event.workflow_id = workflow ? workflow->id : "";
            event.hardware = workflow ? workflow->hardware : "";
            event.text = "report " + std::string(to_string(report.state)) + " of " +
                         printable(report.agent_id, 60) + " ignored: " + applied.reason;
            OSIEKIT_TRY(session.append_event(event));
        }
        OSIEKIT_TRY(session.commit());
    }
    changed(change);
    return applied;
}

Status Engine::expire_overdue() {
    UnixMillis now = clock_();
    Change change;
    {
        OSIEKIT_ASSIGN(Session look, store_.read());
        OSIEKIT_ASSIGN(auto found, look.overdue(now));
        if (found.empty()) return {};
    }
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        OSIEKIT_ASSIGN(auto overdue, session.overdue(now));
        for (auto& workflow : overdue) {
            if (!expire(workflow, now)) continue;
            OSIEKIT_ASSIGN(auto agents, agents_of(session, workflow));
            change.agents.insert(agents.begin(), agents.end());  // their next workflow may begin
            for (std::size_t i = 0; i < workflow.actions.size(); ++i)
                OSIEKIT_TRY(session.update_action(workflow.id, i, workflow.actions[i]));
            OSIEKIT_TRY(session.update_workflow(workflow));
            OSIEKIT_TRY(session.append_event(
                workflow_event(workflow, now, "workflow.finished",
                               "workflow ended with TIMEOUT: " + workflow.message,
                               {{"state", to_string(workflow.state)}})));
        }
        OSIEKIT_TRY(session.commit());
    }
    changed(change);
    return {};
}

Status Engine::append(std::vector<Event> events) {
    if (events.empty()) return {};
    {
        OSIEKIT_ASSIGN(Session session, store_.write());
        for (auto& event : events) {
            if (event.time == 0) event.time = clock_();
            if (event.hardware.empty() && !event.mac.empty()) {
                OSIEKIT_ASSIGN(auto owner, session.hardware_by_mac(event.mac));
                if (owner) event.hardware = owner->hardware.name;
            }
            OSIEKIT_TRY(session.append_event(event));
        }
        OSIEKIT_TRY(session.commit());
    }
    changed({});
    return {};
}

}  // namespace osiekit::server
