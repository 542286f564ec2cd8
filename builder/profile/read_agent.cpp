#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Members = YamlValue::Members;

constexpr std::size_t longest_host = 253 + 6;  // with ":" and a port

Result<std::string> read_host(const YamlValue& value, std::string_view what) {
    return read_name(value, what, ".:-", longest_host);
}

Result<std::vector<std::string>> read_hosts(const YamlValue& value) {
    std::vector<std::string> hosts;
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(std::string host, read_host(item, "a registry such as host:5000"));
        hosts.push_back(std::move(host));
    }
    return hosts;
}

// Also "*.example" and "*".
Result<std::vector<std::string>> read_registry_patterns(const YamlValue& value) {
    std::vector<std::string> patterns;
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    if (items.empty())
        return value.bad("without a registry nothing could run")
            .hint("leave the key out to admit every registry");
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(std::string text, item.text("a registry such as host:5000"));
        std::string plain;
        for (char c : text) plain += c == '*' ? 'x' : c;
        if (!is_name(plain, ".:-", longest_host))
            return item.bad("\"" + printable(text) + "\" is not a pattern of registries")
                .hint("such as registry.example:5000 or *.example");
        patterns.push_back(std::move(text));
    }
    return patterns;
}

Status read_policy(const YamlValue& value, AgentSpec& agent) {
    agent.policy_where = value.where();
    OSIEKIT_ASSIGN(std::string text, read_line(value, "compatible, strict or a policy file"));
    if (text == "compatible" || text == "strict") {
        agent.policy = std::move(text);
        return {};
    }
    if (!text.ends_with(".json"))
        return value.bad("unknown policy \"" + printable(text) + "\"")
            .hint("compatible, strict, or a file such as policy.json");
    agent.policy_file = value.directory() / text;
    return {};
}

}  // namespace

Result<AgentSpec> read_agent(const YamlValue& value) {
    AgentSpec agent;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("agent")));
    for (const auto& [key, member] : members) {
        if (key == "server") {
            OSIEKIT_ASSIGN(agent.server, read_host(member, "a server such as host:42113"));
            if (agent.server.find(':') == std::string::npos)
                return member.bad("the server \"" + agent.server + "\" lacks a port")
                    .hint("such as " + agent.server + ":42113");
        } else if (key == "registry") {
            OSIEKIT_ASSIGN(agent.registry, read_host(member, "a registry such as host:5000"));
        } else if (key == "policy") {
            OSIEKIT_TRY(read_policy(member, agent));
        } else if (key == "registries") {
            if (agent.policy_where.empty()) agent.policy_where = member.where();
            OSIEKIT_ASSIGN(agent.registries, read_registry_patterns(member));
        } else {
            OSIEKIT_ASSIGN(agent.insecure_registries, read_hosts(member));
        }
    }
    if (agent.policy_file && !agent.registries.empty())
        return value.bad("\"registries\" belongs into the file that \"policy\" names");
    return agent;
}

}  // namespace osiekit::builder
