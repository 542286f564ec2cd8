#include <algorithm>

#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::builder {

namespace {

using Members = YamlValue::Members;

constexpr const char* levels = "restricted, disk, kexec or host";

Result<std::vector<std::string>> read_command(const YamlValue& value) {
    std::vector<std::string> command;
    OSIEKIT_ASSIGN(std::vector<YamlValue> words, value.list());
    for (const YamlValue& word : words) {
        OSIEKIT_ASSIGN(std::string text, word.text("a word of a command"));
        if (text.find('\0') != std::string::npos) return word.bad("a word with a NUL inside");
        command.push_back(std::move(text));
    }
    if (command.empty() || !command.front().starts_with('/'))
        return value.bad("a command starts with the absolute path of a program");
    return command;
}

Error wrong(const YamlValue& value, Error error) {
    Error placed = value.bad(error.message());
    return error.hint().empty() ? std::move(placed) : std::move(placed).hint(error.hint());
}

Result<sandbox::Limits> read_limits(const YamlValue& value) {
    sandbox::Limits limits;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("services[].limits")));
    for (const auto& [name, member] : members) {
        OSIEKIT_ASSIGN(std::string text, member.text("a number or a size"));
        if (Status status = sandbox::set_limit(limits, name, text); !status)
            return member.bad(name + " " + status.error().message());
    }
    return limits;
}

Result<sandbox::Network> read_network(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("host or none"));
    auto network = sandbox::parse_network(text);
    if (!network || *network == sandbox::Network::bridge)
        return value.bad("\"" + printable(text) + "\" is not a network of a service")
            .hint("host or none");
    return network;
}

Status read_writable(const YamlValue& value, std::vector<std::string>& paths) {
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    if (items.size() > sandbox::most_writable)
        return value.bad("more than " + std::to_string(sandbox::most_writable) + " paths");
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(std::string path, read_path(item));
        paths.push_back("/" + path);
    }
    return {};
}

// A key that is about the sandbox; the user is looked up when all users are known.
Status read_sandbox_key(const std::string& key, const YamlValue& value, ServiceSpec& service,
                        sandbox::ServiceSandbox& sandbox) {
    if (key == "sandbox") {
        OSIEKIT_ASSIGN(std::string text, value.text(levels));
        auto level = sandbox::parse_level(text);
        if (!level) return wrong(value, level.error());
        sandbox.level = *level;
    } else if (key == "limits") {
        OSIEKIT_ASSIGN(sandbox.limits, read_limits(value));
    } else if (key == "network") {
        OSIEKIT_ASSIGN(sandbox.network, read_network(value));
    } else if (key == "writable") {
        return read_writable(value, sandbox.writable);
    } else {
        OSIEKIT_ASSIGN(service.user, read_line(value, "a user"));
        // An empty one, as of a variable without a value, would be root.
        if (service.user.empty()) return value.bad("an empty name of a user");
        service.user_where = value.where();
    }
    return {};
}

Status check_sandbox(const YamlValue& value, const ServiceSpec& service) {
    if (service.name == agent_service)
        return value.bad("tink-worker makes sandboxes, and runs outside of one")
            .hint("what actions may do is said by \"policy\" of \"agent\"");
    auto plan = sandbox::make_plan(
        sandbox::service_spec(service.name, service.command, *service.sandbox, 1));
    if (!plan) return wrong(value, plan.error());
    return {};
}

Result<ServiceSpec> read_service(const YamlValue& value) {
    ServiceSpec service;
    service.where = value.where();
    sandbox::ServiceSandbox sandbox;
    bool confined = false;
    std::string about_sandbox;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("services[]")));
    for (const auto& [key, member] : members) {
        if (key == "name") {
            OSIEKIT_ASSIGN(service.name, read_name(member, "a service name", "._-", longest_name));
        } else if (key == "command") {
            OSIEKIT_ASSIGN(service.command, read_command(member));
        } else {
            OSIEKIT_TRY(read_sandbox_key(key, member, service, sandbox));
            confined = confined || key == "sandbox";
            about_sandbox = key;
        }
    }
    if (service.name.empty() || service.command.empty())
        return value.bad("a service needs both \"name\" and \"command\"");
    if (!confined && !about_sandbox.empty())
        return value.bad("\"" + about_sandbox + "\" is about a service that has a sandbox")
            .hint(std::string("add sandbox: ") + levels);
    if (!confined) return service;
    service.sandbox = std::move(sandbox);
    OSIEKIT_TRY(check_sandbox(value, service));
    return service;
}

// By name, of the profile's users, or by number.
Status find_user(const std::vector<UserSpec>& users, ServiceSpec& service) {
    auto known = std::find_if(users.begin(), users.end(),
                              [&](const UserSpec& user) { return user.name == service.user; });
    if (known != users.end()) {
        service.sandbox->uid = known->uid;
        service.sandbox->gid = known->gid;
        service.sandbox->home = known->home;
        return {};
    }
    auto owner = parse_owner(service.user);
    if (!owner)
        return Error(ErrorKind::invalid_input, service.user_where + ": \"" +
                                                   printable(service.user) +
                                                   "\" is not one of the profile's users")
            .hint("add it to \"users\", or write the numbers of user and group, such as 1000:1000");
    service.sandbox->uid = owner->first;
    service.sandbox->gid = owner->second;
    service.sandbox->home = "/";
    return {};
}

}  // namespace

Result<std::vector<ServiceSpec>> read_services(const YamlValue& value) {
    std::vector<ServiceSpec> services;
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(ServiceSpec service, read_service(item));
        for (const ServiceSpec& other : services)
            if (other.name == service.name)
                return item.bad("a second service \"" + service.name + "\"")
                    .hint("one that is extended goes with remove: {services: [" + service.name +
                          "]}");
        services.push_back(std::move(service));
    }
    return services;
}

Status find_service_users(const std::vector<UserSpec>& users, std::vector<ServiceSpec>& services) {
    for (ServiceSpec& service : services)
        if (!service.user.empty()) OSIEKIT_TRY(find_user(users, service));
    return {};
}

}  // namespace osiekit::builder
