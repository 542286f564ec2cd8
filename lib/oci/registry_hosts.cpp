#include "lib/oci/registry_hosts.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/credentials.hpp"

namespace osiekit::oci {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t longest_connect_timeout_ms = 600000;

Error bad(const std::string& where, const std::string& what) {
    return Error(ErrorKind::invalid_input, "the registries' settings, " + where + ": " + what);
}

Status known_keys(const Json& object, const std::string& where,
                  const std::vector<std::string>& known) {
    if (!object.is_object()) return bad(where, "an object is expected");
    for (const auto& [key, value] : object.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        auto error = bad(where, "the key \"" + printable(key) + "\" is not known");
        if (auto meant = nearest(key, known))
            return std::move(error).hint("did you mean \"" + *meant + "\"?");
        return std::move(error).hint("known are: " + join(known, ", "));
    }
    return {};
}

Status read_text(const Json& object, const std::string& where, const char* key, std::string& to) {
    auto found = object.find(key);
    if (found == object.end()) return {};
    if (!found->is_string()) return bad(where, std::string("\"") + key + "\" is not text");
    to = found->get<std::string>();
    if (to.find('\0') != std::string::npos)
        return bad(where, std::string("\"") + key + "\" holds a zero byte");
    return {};
}

Status read_flag(const Json& object, const std::string& where, const char* key, bool& to) {
    auto found = object.find(key);
    if (found == object.end()) return {};
    if (!found->is_boolean())
        return bad(where, std::string("\"") + key + "\" is neither true nor false");
    to = found->get<bool>();
    return {};
}

Status read_headers(const Json& object, const std::string& where, Endpoint& endpoint) {
    auto found = object.find("headers");
    if (found == object.end()) return {};
    if (!found->is_object()) return bad(where, "\"headers\" is not an object");
    for (const auto& [name, value] : found->items()) {
        std::string line = name + ": " + (value.is_string() ? value.get<std::string>() : "");
        bool plain = std::none_of(line.begin(), line.end(),
                                  [](unsigned char c) { return c < 0x20 || c == 0x7f; });
        if (name.empty() || !value.is_string() || !plain)
            return bad(where, "the header \"" + printable(name) + "\" is not a line of text");
        endpoint.headers.push_back(std::move(line));
    }
    return {};
}

// What mirrors and registries themselves have in common.
Status read_transport(const Json& object, const std::string& where, Endpoint& endpoint) {
    OSIEKIT_TRY(read_text(object, where, "ca_file", endpoint.ca_file));
    OSIEKIT_TRY(read_text(object, where, "client_certificate", endpoint.client_certificate));
    OSIEKIT_TRY(read_text(object, where, "client_key", endpoint.client_key));
    if (endpoint.client_certificate.empty() != endpoint.client_key.empty())
        return bad(where, "client_certificate and client_key belong together");
    OSIEKIT_TRY(read_flag(object, where, "verify_tls", endpoint.verify_tls));
    OSIEKIT_TRY(read_headers(object, where, endpoint));
    auto timeout = object.find("connect_timeout_ms");
    if (timeout == object.end()) return {};
    if (!timeout->is_number_unsigned() || *timeout == 0 || *timeout > longest_connect_timeout_ms)
        return bad(where, "\"connect_timeout_ms\" is not a number from 1 to " +
                              std::to_string(longest_connect_timeout_ms));
    endpoint.connect_timeout = std::chrono::milliseconds(timeout->get<std::uint64_t>());
    return {};
}

Status read_url(const std::string& url, const std::string& where, Endpoint& endpoint) {
    bool https = url.rfind("https://", 0) == 0;
    endpoint.plain_http = url.rfind("http://", 0) == 0;
    std::string rest = https ? url.substr(8) : endpoint.plain_http ? url.substr(7) : std::string();
    endpoint.host = to_lower(rest.substr(0, rest.find('/')));
    bool plain = std::all_of(rest.begin(), rest.end(), [](unsigned char c) {
        return c > 0x20 && c < 0x7f &&
               std::string_view("?#@\\\"'").find(static_cast<char>(c)) == std::string_view::npos;
    });
    if (endpoint.host.empty() || !plain)
        return bad(where, "\"" + printable(url) + "\" is not http(s)://host[:port][/path]");
    endpoint.base = url;
    while (endpoint.base.back() == '/') endpoint.base.pop_back();
    constexpr std::string_view version = "/v2";
    if (endpoint.base.size() > version.size() &&
        endpoint.base.compare(endpoint.base.size() - version.size(), version.size(), version) == 0)
        endpoint.base.resize(endpoint.base.size() - version.size());
    return {};
}

Status read_capabilities(const Json& object, const std::string& where, Endpoint& endpoint) {
    auto found = object.find("capabilities");
    if (found == object.end()) return {};
    if (!found->is_array()) return bad(where, "\"capabilities\" is not a list");
    endpoint.may_pull = endpoint.may_resolve = false;
    for (const Json& item : *found) {
        if (item == "pull")
            endpoint.may_pull = true;
        else if (item == "resolve")
            endpoint.may_resolve = true;
        else
            return bad(where, "capabilities are \"pull\" and \"resolve\"");
    }
    return {};
}

Result<Endpoint> parse_mirror(const Json& json, const std::string& where) {
    OSIEKIT_TRY(known_keys(json, where,
                           {"url", "capabilities", "ca_file", "client_certificate", "client_key",
                            "verify_tls", "headers", "connect_timeout_ms"}));
    Endpoint mirror;
    mirror.mirror = true;
    std::string url;
    OSIEKIT_TRY(read_text(json, where, "url", url));
    OSIEKIT_TRY(read_url(url, where, mirror));
    OSIEKIT_TRY(read_capabilities(json, where, mirror));
    OSIEKIT_TRY(read_transport(json, where, mirror));
    return mirror;
}

}  // namespace

Result<RegistryHosts::Rule> RegistryHosts::parse_rule(const std::string& where,
                                                      const void* pointer) {
    const Json& json = *static_cast<const Json*>(pointer);
    OSIEKIT_TRY(known_keys(json, where,
                           {"mirrors", "upstream", "plain_http", "ca_file", "client_certificate",
                            "client_key", "verify_tls", "headers", "connect_timeout_ms"}));
    Rule rule;
    OSIEKIT_TRY(read_flag(json, where, "upstream", rule.use_upstream));
    OSIEKIT_TRY(read_flag(json, where, "plain_http", rule.plain_http));
    OSIEKIT_TRY(read_transport(json, where, rule.upstream));
    auto mirrors = json.find("mirrors");
    if (mirrors != json.end()) {
        if (!mirrors->is_array()) return bad(where, "\"mirrors\" is not a list");
        if (mirrors->size() > max_mirrors)
            return Error(ErrorKind::limit, "the registries' settings, " + where + ": more than " +
                                               std::to_string(max_mirrors) + " mirrors");
        for (const Json& item : *mirrors) {
            OSIEKIT_ASSIGN(
                auto mirror,
                parse_mirror(item, where + ", mirror " + std::to_string(rule.mirrors.size() + 1)));
            rule.mirrors.push_back(std::move(mirror));
        }
    }
    bool resolves =
        rule.use_upstream || std::any_of(rule.mirrors.begin(), rule.mirrors.end(),
                                         [](const Endpoint& mirror) { return mirror.may_resolve; });
    if (!resolves) return bad(where, "nobody is left who may say what a tag means");
    return rule;
}

Result<RegistryHosts> RegistryHosts::parse(std::string_view text) {
    if (text.size() > max_config_bytes)
        return Error(ErrorKind::limit,
                     "the registries' settings are larger than " + human_size(max_config_bytes));
    Json json = Json::parse(text.begin(), text.end(), nullptr, false);
    if (json.is_discarded()) return bad("as a whole", "not JSON");
    OSIEKIT_TRY(known_keys(json, "as a whole", {"registries"}));
    RegistryHosts hosts;
    auto registries = json.find("registries");
    if (registries == json.end()) return hosts;
    if (!registries->is_object()) return bad("\"registries\"", "an object is expected");
    for (const auto& [name, value] : registries->items()) {
        OSIEKIT_ASSIGN(auto rule, parse_rule("registry \"" + printable(name) + "\"", &value));
        hosts.rules_[canonical_registry(name)] = std::move(rule);
    }
    return hosts;
}

Result<RegistryHosts> RegistryHosts::read(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(auto text, read_file(path, max_config_bytes));
    auto parsed = parse(text);
    if (!parsed) return std::move(parsed).error().context("reading " + path.string());
    return parsed;
}

std::vector<Endpoint> RegistryHosts::endpoints(const std::string& registry,
                                               const std::string& api_host, bool plain_http) const {
    auto found = rules_.find(canonical_registry(registry));
    if (found == rules_.end()) found = rules_.find("*");
    Rule rule;
    if (found != rules_.end()) rule = found->second;
    std::vector<Endpoint> endpoints = std::move(rule.mirrors);
    if (!rule.use_upstream) return endpoints;
    Endpoint upstream = std::move(rule.upstream);
    upstream.host = registry;
    upstream.plain_http = plain_http || rule.plain_http;
    upstream.base = (upstream.plain_http ? "http://" : "https://") + api_host;
    endpoints.push_back(std::move(upstream));
    return endpoints;
}

}  // namespace osiekit::oci
