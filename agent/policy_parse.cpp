// The policy file: JSON, as the agent has a reader for it and needs no other.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/policy.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::agent {
namespace {

using nlohmann::json;

constexpr std::size_t max_rules = 1000;
constexpr std::size_t max_items = 1000;       // of one list
constexpr std::size_t max_text_bytes = 1024;  // of a name, pattern or path

Error invalid(const std::string& where, const std::string& why) {
    return {ErrorKind::invalid_input, where + ": " + why};
}

Status check_keys(const json& object, const std::string& where,
                  const std::vector<std::string>& known) {
    if (!object.is_object()) return invalid(where, "must be an object");
    for (const auto& [key, value] : object.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        Error error = invalid(where, "unknown key \"" + printable(key) + "\"");
        auto near = nearest(key, known);
        return near ? std::move(error).hint("did you mean \"" + *near + "\"?") : std::move(error);
    }
    return {};
}

Result<std::string> text_of(const json& value, const std::string& where) {
    if (!value.is_string()) return invalid(where, "must be a text");
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty() || text.size() > max_text_bytes || text.find('\0') != std::string::npos)
        return invalid(where, "must have 1 to " + std::to_string(max_text_bytes) + " bytes");
    return text;
}

Result<bool> bool_of(const json& value, const std::string& where) {
    if (!value.is_boolean()) return invalid(where, "must be true or false");
    return value.get<bool>();
}

Result<std::vector<std::string>> list_of(const json& value, const std::string& where) {
    if (!value.is_array()) return invalid(where, "must be a list of texts");
    if (value.size() > max_items)
        return invalid(where, "has more than " + std::to_string(max_items) + " entries");
    std::vector<std::string> list;
    for (const json& one : value) {
        OSIEKIT_ASSIGN(std::string text, text_of(one, where));
        list.push_back(std::move(text));
    }
    return list;
}

// An empty list could be meant as "nothing" and as "anything".
Result<std::vector<std::string>> filled_list_of(const json& value, const std::string& where) {
    OSIEKIT_ASSIGN(auto list, list_of(value, where));
    if (list.empty()) return invalid(where, "is empty; leave it out or name something");
    return list;
}

Status check_pattern(const std::string& pattern, const std::string& where) {
    if (pattern == "**") return {};
    std::size_t slash = pattern.rfind('/');
    if (slash == std::string::npos || pattern.rfind("**", 0) == 0)
        return invalid(where, "\"" + printable(pattern) +
                                  "\" does not begin with a registry; write REGISTRY/REPOSITORY, "
                                  "docker.io/library/NAME for Docker's own");
    if (pattern.find('@') != std::string::npos || pattern.find(':', slash) != std::string::npos)
        return invalid(where, "\"" + printable(pattern) + "\" has a tag or digest")
            .hint("leave a tag out; digests stand in \"digests\"");
    return {};
}

Status check_digest(const std::string& digest, const std::string& where) {
    std::size_t colon = digest.find(':');
    std::string_view name = std::string_view(digest).substr(0, colon);
    std::size_t length = name == "sha256" ? 64 : name == "sha512" ? 128 : 0;
    std::string_view hex = colon == std::string::npos ? std::string_view()
                                                      : std::string_view(digest).substr(colon + 1);
    bool plain = std::all_of(hex.begin(), hex.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
    if (length == 0 || hex.size() != length || !plain)
        return invalid(where, "\"" + printable(digest) + "\" is no sha256 or sha512 digest");
    return {};
}

Result<std::vector<VolumePermit>> volumes_of(const json& value, const std::string& where) {
    OSIEKIT_ASSIGN(auto list, list_of(value, where));
    std::vector<VolumePermit> permits;
    for (const std::string& text : list) {
        VolumePermit permit{text, false};
        std::size_t colon = text.find(':');
        if (colon != std::string::npos) {
            if (text.substr(colon) != ":ro")
                return invalid(where, "\"" + printable(text) + "\": only :ro may follow the path");
            permit = {text.substr(0, colon), true};
        }
        if (permit.pattern.empty() || permit.pattern.find("/..") != std::string::npos ||
            (permit.pattern.size() > 1 && permit.pattern.back() == '/'))
            return invalid(where, "\"" + printable(text) + "\" is never asked for in this form")
                .hint("write a path without \"..\" and without \"/\" at its end, or a name");
        permits.push_back(std::move(permit));
    }
    return permits;
}

Status take_namespaces(const json& value, const std::string& where, PolicyRule& rule) {
    OSIEKIT_ASSIGN(auto list, list_of(value, where));
    rule.host_pid = rule.host_network = rule.bridge_network = false;
    for (const std::string& text : list) {
        if (text == "pid:host")
            rule.host_pid = true;
        else if (text == "network:host")
            rule.host_network = true;
        else if (text == "network:bridge")
            rule.bridge_network = true;
        else
            return invalid(where, "\"" + printable(text) +
                                      "\" is not pid:host, network:host or network:bridge");
    }
    return {};
}

Status take_proof(const json& value, const std::string& where, PolicyRule& rule) {
    if (value.contains("verify")) {
        OSIEKIT_ASSIGN(std::string text, text_of(value["verify"], where + ".verify"));
        static constexpr std::array all = {Verify::none, Verify::digest, Verify::signature,
                                           Verify::either};
        const auto* found = std::find_if(all.begin(), all.end(),
                                         [&](Verify one) { return to_string(one) == text; });
        if (found == all.end())
            return invalid(where + ".verify", "must be none, digest, signature or either");
        rule.verify = *found;
    }
    if (value.contains("digests")) {
        OSIEKIT_ASSIGN(rule.digests, filled_list_of(value["digests"], where + ".digests"));
        for (const std::string& digest : rule.digests)
            OSIEKIT_TRY(check_digest(digest, where + ".digests"));
    }
    if (value.contains("keys")) {
        OSIEKIT_ASSIGN(auto keys, filled_list_of(value["keys"], where + ".keys"));
        rule.keys.assign(keys.begin(), keys.end());
        for (const auto& key : rule.keys)
            if (!key.is_absolute()) return invalid(where + ".keys", "must be absolute paths");
    }
    bool by_digest = rule.verify == Verify::digest || rule.verify == Verify::either;
    bool by_signature = rule.verify == Verify::signature || rule.verify == Verify::either;
    if (by_signature && rule.keys.empty())
        return invalid(where, "verify asks for a signature, but \"keys\" names no key file");
    if (!by_signature && !rule.keys.empty())
        return invalid(where, "has keys, but its verify asks for no signature");
    if (!by_digest && !rule.digests.empty())
        return invalid(where, "has digests, but its verify asks for no digest");
    return {};
}

// `rule` holds what the file's base says and is changed where `value` says something else.
Status take_rule(const json& value, const std::string& where, PolicyRule& rule) {
    OSIEKIT_TRY(check_keys(value, where,
                           {"name", "images", "refuse", "level", "verify", "digests", "keys",
                            "limits", "volumes", "namespaces", "user_namespace", "keep_failed"}));
    if (!value.contains("name")) return invalid(where, "needs a name");
    OSIEKIT_ASSIGN(rule.name, text_of(value["name"], where + ".name"));
    if (value.contains("images")) {
        OSIEKIT_ASSIGN(rule.images, filled_list_of(value["images"], where + ".images"));
        for (const std::string& pattern : rule.images)
            OSIEKIT_TRY(check_pattern(pattern, where + ".images"));
    }
    if (value.contains("refuse")) {
        OSIEKIT_ASSIGN(rule.refuse, bool_of(value["refuse"], where + ".refuse"));
    }
    if (value.contains("level")) {
        OSIEKIT_ASSIGN(std::string text, text_of(value["level"], where + ".level"));
        OSIEKIT_ASSIGN(rule.level, sandbox::parse_level(text).context(where + ".level"));
    }
    OSIEKIT_TRY(take_proof(value, where, rule));
    if (value.contains("limits")) {
        OSIEKIT_ASSIGN(rule.limits, sandbox::limits_from_json(value["limits"], where + ".limits"));
    }
    if (value.contains("volumes")) {
        OSIEKIT_ASSIGN(rule.volumes, volumes_of(value["volumes"], where + ".volumes"));
    }
    if (value.contains("namespaces"))
        OSIEKIT_TRY(take_namespaces(value["namespaces"], where + ".namespaces", rule));
    if (value.contains("user_namespace")) {
        OSIEKIT_ASSIGN(rule.user_namespace,
                       bool_of(value["user_namespace"], where + ".user_namespace"));
    }
    if (rule.user_namespace && rule.level != sandbox::Level::restricted)
        return invalid(where + ".user_namespace", "needs the level restricted");
    if (value.contains("keep_failed")) {
        OSIEKIT_ASSIGN(rule.keep_failed, bool_of(value["keep_failed"], where + ".keep_failed"));
    }
    return {};
}

Result<Policy> base_of(std::string_view word, const std::string& where) {
    if (word == "compatible") return Policy::compatible();
    if (word == "strict") return Policy::strict();
    return invalid(where, "\"" + printable(word) + "\" is neither compatible nor strict");
}

Result<Policy> policy_of(const json& document) {
    OSIEKIT_TRY(check_keys(document, "policy", {"base", "registries", "rules"}));
    if (!document.contains("base")) return invalid("policy", "needs a base: compatible or strict");
    OSIEKIT_ASSIGN(std::string word, text_of(document["base"], "base"));
    OSIEKIT_ASSIGN(Policy policy, base_of(word, "base"));
    if (document.contains("registries")) {
        OSIEKIT_ASSIGN(policy.registries, filled_list_of(document["registries"], "registries"));
    }
    if (!document.contains("rules")) return policy;
    const json& rules = document["rules"];
    if (!rules.is_array()) return invalid("rules", "must be a list");
    if (rules.size() > max_rules)
        return invalid("rules", "has more than " + std::to_string(max_rules) + " entries");
    PolicyRule base = policy.rules.back();
    policy.rules.clear();
    std::set<std::string> names = {base.name, "registries", "namespaces", "none"};
    for (std::size_t at = 0; at < rules.size(); ++at) {
        std::string where = "rules[" + std::to_string(at) + "]";
        PolicyRule& rule = policy.rules.emplace_back(base);
        OSIEKIT_TRY(take_rule(rules[at], where, rule));
        if (!names.insert(rule.name).second)
            return invalid(where, "the name \"" + printable(rule.name) + "\" is taken");
    }
    policy.rules.push_back(std::move(base));
    return policy;
}

// The library keeps the last of equal keys; a policy that says two things must not run.
Result<json> document_of(std::string_view text) {
    std::vector<std::set<std::string>> open;
    std::string twice;
    auto watch = [&](int, json::parse_event_t event, json& value) {
        if (event == json::parse_event_t::object_start) open.emplace_back();
        if (event == json::parse_event_t::object_end && !open.empty()) open.pop_back();
        if (event == json::parse_event_t::key && !open.empty() &&
            !open.back().insert(value.get<std::string>()).second)
            twice = value.get<std::string>();
        return true;
    };
    json document = json::parse(text.begin(), text.end(), watch, false);
    if (document.is_discarded()) return invalid("policy", "is not JSON");
    if (!twice.empty()) return invalid("policy", "has the key \"" + printable(twice) + "\" twice");
    return document;
}

}  // namespace

Result<Policy> parse_policy(std::string_view text) {
    if (text.size() > max_policy_bytes)
        return Error(ErrorKind::limit,
                     "the policy has more than " + std::to_string(max_policy_bytes) + " bytes");
    std::string_view word = trim(text);
    if (word == "strict" || word == "compatible") return base_of(word, "policy");
    OSIEKIT_ASSIGN(json document, document_of(text));
    if (document.is_string()) return base_of(document.get_ref<const std::string&>(), "policy");
    return policy_of(document);
}

Result<Policy> load_policy(const std::filesystem::path& file) {
    auto text = read_file(file, max_policy_bytes);
    if (!text && text.error().kind() == ErrorKind::not_found) return Policy::compatible();
    if (!text) return std::move(text).error().context("reading the policy");
    return parse_policy(*text).context("policy file " + file.string());
}

}  // namespace osiekit::agent
