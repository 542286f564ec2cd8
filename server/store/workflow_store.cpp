#include <nlohmann/json.hpp>

#include "server/store/store.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

constexpr const char* workflow_columns =
    "SELECT id, template, hardware, state, created, started, finished, global_timeout, deadline, "
    "message, rendered FROM workflows w ";

std::string spec_to_json(const ActionSpec& spec) {
    return json{{"image", spec.image},
                {"command", spec.command},
                {"volumes", spec.volumes},
                {"environment", spec.environment},
                {"pid", spec.pid},
                {"namespace_network", spec.namespace_network},
                {"namespace_pid", spec.namespace_pid}}
        .dump();
}

std::vector<std::string> list(const json& object, const char* key) {
    std::vector<std::string> result;
    if (object.contains(key) && object[key].is_array())
        for (const auto& item : object[key]) result.push_back(item.get<std::string>());
    return result;
}

ActionSpec spec_from_json(const std::string& text) {
    json object = json::parse(text, nullptr, false);
    if (!object.is_object()) return {};
    return {object.value("image", ""),        list(object, "command"),
            list(object, "volumes"),          list(object, "environment"),
            object.value("pid", ""),          object.value("namespace_network", ""),
            object.value("namespace_pid", "")};
}

}  // namespace

Status Session::insert_workflow(const Workflow& workflow) {
    OSIEKIT_ASSIGN(auto insert,
                   database_->prepare("INSERT INTO workflows (id, template, hardware, state, "
                                      "created, global_timeout, rendered) "
                                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    insert.bind(1, workflow.id).bind(2, workflow.template_name).bind(3, workflow.hardware);
    insert.bind(4, to_string(workflow.state)).bind(5, workflow.created);
    insert.bind(6, workflow.global_timeout_seconds).bind(7, workflow.rendered);
    OSIEKIT_TRY(insert.run());
    std::int64_t position = 0;
    for (const auto& action : workflow.actions) {
        OSIEKIT_ASSIGN(auto add,
                       database_->prepare("INSERT INTO actions (workflow_id, position, id, "
                                          "task_id, task, agent_id, name, spec, timeout, state) "
                                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
        add.bind(1, workflow.id).bind(2, position++).bind(3, action.id).bind(4, action.task_id);
        add.bind(5, action.task).bind(6, action.agent_id).bind(7, action.name);
        add.bind(8, spec_to_json(action.spec)).bind(9, action.timeout_seconds);
        OSIEKIT_TRY(add.bind(10, to_string(action.state)).run());
    }
    return {};
}

Status Session::update_workflow(const Workflow& workflow) {
    OSIEKIT_ASSIGN(auto update,
                   database_->prepare("UPDATE workflows SET state=?2, started=?3, finished=?4, "
                                      "deadline=?5, message=?6 WHERE id=?1"));
    update.bind(1, workflow.id).bind(2, to_string(workflow.state)).bind(3, workflow.started);
    update.bind(4, workflow.finished).bind(5, workflow.deadline).bind(6, workflow.message);
    return update.run();
}

Status Session::update_action(const std::string& workflow_id, std::size_t position,
                              const Action& action) {
    OSIEKIT_ASSIGN(auto update,
                   database_->prepare("UPDATE actions SET state=?3, offers=?4, started_offer=?5, "
                                      "started=?6, finished=?7, message=?8 "
                                      "WHERE workflow_id=?1 AND position=?2"));
    update.bind(1, workflow_id).bind(2, static_cast<std::int64_t>(position));
    update.bind(3, to_string(action.state)).bind(4, action.offers).bind(5, action.started_offer);
    update.bind(6, action.started).bind(7, action.finished).bind(8, action.message);
    return update.run();
}

Status Session::read_actions(Workflow& workflow) {
    OSIEKIT_ASSIGN(auto query,
                   database_->prepare("SELECT id, task_id, task, agent_id, name, spec, timeout, "
                                      "state, offers, started_offer, started, finished, message "
                                      "FROM actions WHERE workflow_id=?1 ORDER BY position"));
    query.bind(1, workflow.id);
    while (true) {
        OSIEKIT_ASSIGN(bool more, query.step());
        if (!more) return {};
        Action action;
        action.id = query.text(0);
        action.task_id = query.text(1);
        action.task = query.text(2);
        action.agent_id = query.text(3);
        action.name = query.text(4);
        action.spec = spec_from_json(query.text(5));
        action.timeout_seconds = query.integer(6);
        action.state = parse_state(query.text(7)).value_or(State::failed);
        action.offers = query.integer(8);
        action.started_offer = query.integer(9);
        action.started = query.integer(10);
        action.finished = query.integer(11);
        action.message = query.text(12);
        workflow.actions.push_back(std::move(action));
    }
}

Result<std::vector<Workflow>> Session::read_workflows(Statement query) {
    std::vector<Workflow> result;
    while (true) {
        OSIEKIT_ASSIGN(bool more, query.step());
        if (!more) return result;
        Workflow workflow;
        workflow.id = query.text(0);
        workflow.template_name = query.text(1);
        workflow.hardware = query.text(2);
        workflow.state = parse_state(query.text(3)).value_or(State::failed);
        workflow.created = query.integer(4);
        workflow.started = query.integer(5);
        workflow.finished = query.integer(6);
        workflow.global_timeout_seconds = query.integer(7);
        workflow.deadline = query.integer(8);
        workflow.message = query.text(9);
        workflow.rendered = query.text(10);
        OSIEKIT_TRY(read_actions(workflow));
        result.push_back(std::move(workflow));
    }
}

Result<std::optional<Workflow>> Session::workflow(const std::string& id) {
    OSIEKIT_ASSIGN(auto query, database_->prepare(std::string(workflow_columns) + "WHERE id=?1"));
    query.bind(1, id);
    OSIEKIT_ASSIGN(auto found, read_workflows(std::move(query)));
    if (found.empty()) return std::optional<Workflow>();
    return std::optional(std::move(found.front()));
}

Result<std::vector<Workflow>> Session::workflows(const std::string& hardware) {
    OSIEKIT_ASSIGN(auto query, database_->prepare(std::string(workflow_columns) +
                                                  "WHERE ?1='' OR hardware=?1 ORDER BY number"));
    query.bind(1, hardware);
    return read_workflows(std::move(query));
}

Result<std::vector<Workflow>> Session::unfinished_for(const std::set<std::string>& agent_ids) {
    std::string sql = workflow_columns;
    sql +=
        "WHERE state IN ('PENDING', 'RUNNING') AND EXISTS (SELECT 1 FROM actions a WHERE "
        "a.workflow_id=w.id AND a.agent_id IN (";
    for (std::size_t i = 0; i < agent_ids.size(); ++i)
        sql += (i == 0 ? "?" : ",?") + std::to_string(i + 1);
    OSIEKIT_ASSIGN(auto query, database_->prepare(sql + ")) ORDER BY number"));
    int index = 0;
    for (const auto& id : agent_ids) query.bind(++index, id);
    return read_workflows(std::move(query));
}

Result<std::vector<Workflow>> Session::overdue(UnixMillis now) {
    OSIEKIT_ASSIGN(auto query,
                   database_->prepare(std::string(workflow_columns) +
                                      "WHERE state='RUNNING' AND deadline>0 AND deadline<=?1 "
                                      "ORDER BY number"));
    query.bind(1, now);
    return read_workflows(std::move(query));
}

Result<std::optional<State>> Session::boot_state(const std::string& hardware) {
    OSIEKIT_ASSIGN(auto query,
                   database_->prepare("SELECT state FROM workflows WHERE hardware=?1 ORDER BY "
                                      "state IN ('PENDING', 'RUNNING') DESC, number DESC LIMIT 1"));
    OSIEKIT_ASSIGN(bool found, query.bind(1, hardware).step());
    if (!found) return std::optional<State>();
    return parse_state(query.text(0));
}

}  // namespace osiekit::server
