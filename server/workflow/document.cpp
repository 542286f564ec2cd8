#include "server/workflow/document.hpp"

#include <set>

#include "lib/base/text.hpp"
#include "server/document/fields.hpp"
#include "server/inventory/mac.hpp"

namespace osiekit::server {
namespace {

using Map = std::map<std::string, std::string>;

void check_name(Fields& fields, const std::string& name, std::set<std::string>& seen,
                const std::string& what) {
    if (name.empty())
        fields.problem("name", "is missing");
    else if (name.size() > max_template_name)
        fields.problem("name",
                       "is longer than " + std::to_string(max_template_name) + " characters");
    else if (!seen.insert(name).second)
        fields.problem("name", "a second " + what + " is called \"" + printable(name, 60) + "\"",
                       "names must differ");
}

// host/path:tag@digest: no blanks, nothing that only a template or a typing error leaves behind.
bool is_image(const std::string& text) {
    if (text.empty() || text.size() > 1024 || text.front() == '/' || text.front() == ':')
        return false;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && std::string_view("._-/:@+[]").find(c) == std::string_view::npos) return false;
    }
    return text.back() != '/' && text.back() != ':' && text.back() != '@';
}

std::vector<std::string> environment(Map merged, const Map& own) {
    for (const auto& [key, value] : own) merged[key] = value;
    std::vector<std::string> result;
    for (const auto& [key, value] : merged) result.push_back(key + "=" + value);
    return result;
}

void check_environment(Fields& fields, const Map& environment) {
    for (const auto& [key, value] : environment)
        if (key.empty() || key.find('=') != std::string::npos)
            fields.problem("environment", "\"" + printable(key, 40) + "\" is no variable's name");
}

void check_volumes(Fields& fields, const std::vector<std::string>& volumes) {
    for (std::size_t i = 0; i < volumes.size(); ++i)
        if (!volumes[i].starts_with('/') || volumes[i].find(":/") == std::string::npos)
            fields.problem("volumes[" + std::to_string(i) + "]",
                           "\"" + printable(volumes[i], 60) + "\" is no volume",
                           "write /on/the/host:/in/the/container");
}

Action read_action(Fields& fields, std::set<std::string>& names) {
    fields.only({"name", "image", "timeout", "command", "on-timeout", "on-failure", "volumes",
                 "environment", "pid", "namespaces"});
    Action action;
    action.name = fields.scalar_text("name");
    check_name(fields, action.name, names, "action of this task");
    action.spec.image = fields.scalar_text("image");
    if (!is_image(action.spec.image))
        fields.problem("image",
                       action.spec.image.empty()
                           ? "is missing"
                           : "\"" + printable(action.spec.image, 60) + "\" is no image reference",
                       "for example registry.example:5000/image2disk:v1");
    action.timeout_seconds = fields.integer("timeout", 0, max_timeout_seconds);
    if (action.timeout_seconds == 0) action.timeout_seconds = default_action_timeout_seconds;
    action.spec.command = fields.texts("command");
    (void)fields.texts("on-timeout");
    (void)fields.texts("on-failure");
    Fields namespaces = fields.child("namespaces");
    namespaces.only({"network", "pid"});
    action.spec.namespace_network = namespaces.text("network");
    action.spec.namespace_pid = namespaces.text("pid");
    action.spec.pid = fields.text("pid");
    return action;
}

TaskDocument read_task(Fields& fields, std::set<std::string>& names) {
    fields.only({"name", "worker", "volumes", "environment", "actions"});
    TaskDocument task;
    task.name = fields.scalar_text("name");
    check_name(fields, task.name, names, "task");
    task.worker = canonical_id(fields.scalar_text("worker"));
    if (task.worker.empty())
        fields.problem("worker", "is missing or empty", "worker: \"{{.device_1}}\"");
    auto volumes = fields.texts("volumes");
    check_volumes(fields, volumes);
    Map variables = fields.text_map("environment");
    check_environment(fields, variables);
    std::set<std::string> action_names;
    for (auto& below : fields.children("actions")) {
        Action action = read_action(below, action_names);
        action.task = task.name;
        action.agent_id = task.worker;
        auto own_volumes = below.texts("volumes");
        check_volumes(below, own_volumes);
        action.spec.volumes = volumes;
        action.spec.volumes.insert(action.spec.volumes.end(), own_volumes.begin(),
                                   own_volumes.end());
        Map own = below.text_map("environment");
        check_environment(below, own);
        action.spec.environment = environment(variables, own);
        task.actions.push_back(std::move(action));
    }
    if (task.actions.empty()) fields.problem("actions", "is missing or empty");
    return task;
}

}  // namespace

Result<WorkflowDocument> parse_workflow_document(std::string_view yaml) {
    OSIEKIT_ASSIGN(Document document, parse_yaml(yaml));
    if (!document.value.is_object())
        return Error(ErrorKind::invalid_input, "the template is not a mapping")
            .hint("it begins with version, name, global_timeout and tasks");
    Problems problems(document);
    Fields top(document.value, "", problems);
    top.only({"version", "name", "id", "global_timeout", "tasks"});
    WorkflowDocument result;
    std::string version = top.scalar_text("version");
    if (!version.empty() && version != "0.1")
        top.problem("version", "\"" + printable(version, 20) + "\" is not known",
                    "version: \"0.1\"");
    std::set<std::string> names;
    result.name = top.scalar_text("name");
    check_name(top, result.name, names, "template");
    result.global_timeout_seconds = top.integer("global_timeout", 0, max_timeout_seconds);
    std::set<std::string> task_names;
    std::size_t actions = 0;
    for (auto& task : top.children("tasks")) {
        result.tasks.push_back(read_task(task, task_names));
        actions += result.tasks.back().actions.size();
    }
    if (result.tasks.empty()) top.problem("tasks", "is missing or empty");
    if (actions > max_actions)
        top.problem("tasks", "have more than " + std::to_string(max_actions) + " actions");
    OSIEKIT_TRY(problems.status());
    result.warnings = problems.warnings();
    return result;
}

}  // namespace osiekit::server
