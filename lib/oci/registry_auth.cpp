#include "lib/oci/registry_auth.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t least_token_seconds = 60;  // distribution: also what a missing one means
constexpr std::int64_t longest_token_seconds = 86400;
constexpr std::int64_t renew_before_seconds = 5;
constexpr std::string_view client_id = "osiekit";

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     std::string_view("-._~").find(c) != std::string_view::npos;
        encoded += plain ? std::string(1, c) : "%" + to_hex(std::string_view(&c, 1));
    }
    return encoded;
}

std::string parameter(const Challenge& challenge, const char* name) {
    auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string() : found->second;
}

bool https(const std::string& url) {
    return to_lower(url.substr(0, 8)) == "https://";
}

// Statuses by which token servers say that they do not know this way of asking.
bool other_way(long status) {
    return status == 400 || status == 401 || status == 404 || status == 405;
}

}  // namespace

std::string registry_message(const std::string& body) {
    Json json = Json::parse(body, nullptr, false);
    if (!json.is_object()) return {};
    std::vector<std::string> parts;
    auto add = [&](const Json& object, const char* key) {
        if (auto found = object.find(key); found != object.end() && found->is_string())
            parts.push_back(printable(found->get<std::string>()));
    };
    auto errors = json.find("errors");
    if (errors == json.end() || !errors->is_array()) {
        // As token servers have it (RFC 6749 section 5.2).
        add(json, "error");
        add(json, "error_description");
        return join(parts, ": ");
    }
    for (const Json& error : *errors) {
        if (!error.is_object() || parts.size() > 8) continue;
        add(error, "code");
        add(error, "message");
    }
    return join(parts, ": ");
}

std::string header_of(const http::Response& response, const std::string& name) {
    auto found = response.headers.find(name);
    return found == response.headers.end() ? std::string() : found->second;
}

std::optional<Credential> RegistryAuth::credential(const Endpoint& endpoint,
                                                   const std::string& repository) const {
    if (!options_.user.empty() &&
        canonical_registry(options_.credentials_host) == canonical_registry(endpoint.host))
        return Credential{options_.user, options_.password, {}, {}};
    return options_.credentials.find(endpoint.host, repository);
}

RegistryAuth::Used RegistryAuth::prepare(http::Request& request, const Endpoint& endpoint,
                                         const std::string& repository) {
    auto known = credential(endpoint, repository);
    std::lock_guard lock(mutex_);
    Used used;
    auto found = tokens_.find(endpoint.base + "|" + repository);
    if (found != tokens_.end() && found->second.expires > options_.now())
        used.token = found->second.text;
    else if (known && !known->registry_token.empty())
        used.token = known->registry_token;
    if (!used.token.empty()) {
        // libcurl drops this header when a redirect leads to another host (since 7.58).
        request.headers.push_back("Authorization: Bearer " + used.token);
    } else if (known && !known->user.empty() && basic_.count(endpoint.base) != 0) {
        request.user = known->user;
        request.password = known->password;
        used.basic = true;
    }
    return used;
}

Result<bool> RegistryAuth::answer(const Endpoint& endpoint, const std::string& repository,
                                  const http::Response& refusal, const Used& used) {
    auto challenges = parse_challenges(header_of(refusal, "www-authenticate"));
    for (const Challenge& challenge : challenges)
        if (challenge.scheme == "bearer")
            return fetch_token(endpoint, repository, challenge, used.token)
                .context("asking for a token for " + endpoint.host);
    bool basic = std::any_of(challenges.begin(), challenges.end(), [](const Challenge& challenge) {
        return challenge.scheme == "basic";
    });
    auto known = credential(endpoint, repository);
    // A second refusal means that they are wrong.
    if (!basic || !known || known->user.empty() || used.basic) return false;
    std::lock_guard lock(mutex_);
    basic_[endpoint.base] = true;
    tokens_.erase(endpoint.base + "|" + repository);
    return true;
}

Result<bool> RegistryAuth::fetch_token(const Endpoint& endpoint, const std::string& repository,
                                       const Challenge& challenge, const std::string& used) {
    Wanted wanted{parameter(challenge, "realm"), parameter(challenge, "service"), {}};
    if (wanted.realm.empty())
        return Error(ErrorKind::network, "the registry asks for a token but names no realm");
    if (!https(wanted.realm) && to_lower(wanted.realm.substr(0, 7)) != "http://")
        return Error(ErrorKind::network,
                     "the registry's realm \"" + printable(wanted.realm) + "\" is not a URL");
    std::string scope = parameter(challenge, "scope");
    if (scope.empty()) scope = "repository:" + repository + ":pull";
    for (std::string_view one : split_words(scope)) wanted.scopes.emplace_back(one);
    if (wanted.scopes.size() > max_scopes)
        return Error(ErrorKind::limit, "the registry asks for a token of more than " +
                                           std::to_string(max_scopes) + " scopes");
    std::string key = endpoint.base + "|" + repository;
    std::mutex* flight = nullptr;
    {
        std::lock_guard lock(mutex_);
        auto& place = flights_[key];
        if (!place) place = std::make_unique<std::mutex>();
        flight = place.get();
    }
    std::lock_guard only_one(*flight);
    {
        std::lock_guard lock(mutex_);
        auto found = tokens_.find(key);
        // Somebody else was quicker.
        if (found != tokens_.end() && found->second.text != used &&
            found->second.expires > options_.now())
            return true;
        tokens_.erase(key);
    }
    OSIEKIT_ASSIGN(auto token, request_token(endpoint, wanted, credential(endpoint, repository)));
    std::lock_guard lock(mutex_);
    tokens_[key] = std::move(token);
    return true;
}

Result<RegistryAuth::Token> RegistryAuth::request_token(
    const Endpoint& endpoint, const Wanted& wanted, const std::optional<Credential>& credential) {
    bool secret = credential && (!credential->user.empty() || !credential->identity_token.empty());
    if (secret && !https(wanted.realm) && !endpoint.plain_http)
        return Error(ErrorKind::refused, "the registry wants its password sent over plain HTTP")
            .hint("add " + endpoint.host + " to insecure_registries if that is meant");
    bool refresh = secret && !credential->identity_token.empty();
    auto answer =
        refresh ? by_post(endpoint, wanted, *credential) : by_get(endpoint, wanted, credential);
    // Some servers know only the one way, some only the other.
    if (answer && refresh && other_way(answer->status) && !credential->user.empty() &&
        !credential->password.empty())
        answer = by_get(endpoint, wanted, credential);
    else if (answer && secret && !refresh && (answer->status == 404 || answer->status == 405))
        answer = by_post(endpoint, wanted, *credential);
    if (!answer) return std::move(answer).error();
    if (answer->status == 200) return parse_token(answer->body);
    std::string said = registry_message(answer->body);
    std::string text = "the token server answered " + std::to_string(answer->status) +
                       (said.empty() ? "" : " (" + said + ")");
    if (answer->status >= 400 && answer->status < 500 && answer->status != 408 &&
        answer->status != 429)
        return Error(ErrorKind::refused, text).hint("check the registry's user and password");
    return Error(ErrorKind::network, text);
}

Result<http::Response> RegistryAuth::by_get(const Endpoint& endpoint, const Wanted& wanted,
                                            const std::optional<Credential>& credential) {
    http::Request request;
    request.url = wanted.realm;
    auto add = [&](const char* name, const std::string& value) {
        request.url += request.url.find('?') == std::string::npos ? '?' : '&';
        request.url += std::string(name) + "=" + percent_encoded(value);
    };
    for (const std::string& scope : wanted.scopes) add("scope", scope);
    if (!wanted.service.empty()) add("service", wanted.service);
    if (credential && !credential->user.empty()) {
        request.user = credential->user;
        request.password = credential->password;
    }
    request.ca_file = endpoint.ca_file;
    request.insecure_tls = !endpoint.verify_tls;
    request.body_limit = max_token_bytes;
    return perform_(std::move(request));
}

Result<http::Response> RegistryAuth::by_post(const Endpoint& endpoint, const Wanted& wanted,
                                             const Credential& credential) {
    http::Request request;
    request.method = "POST";
    request.url = wanted.realm;
    request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
    bool refresh = !credential.identity_token.empty();
    std::vector<std::pair<std::string, std::string>> form = {
        {"grant_type", refresh ? "refresh_token" : "password"},
        {"service", wanted.service},
        {"client_id", std::string(client_id)},
        {"scope", join(wanted.scopes, " ")}};
    if (refresh) {
        form.emplace_back("refresh_token", credential.identity_token);
    } else {
        form.emplace_back("username", credential.user);
        form.emplace_back("password", credential.password);
    }
    for (const auto& [name, value] : form)
        request.body += (request.body.empty() ? "" : "&") + name + "=" + percent_encoded(value);
    // The form must not be sent again to wherever a redirect points.
    request.max_redirects = 0;
    request.ca_file = endpoint.ca_file;
    request.insecure_tls = !endpoint.verify_tls;
    request.body_limit = max_token_bytes;
    return perform_(std::move(request));
}

Result<RegistryAuth::Token> RegistryAuth::parse_token(const std::string& body) const {
    Json json = Json::parse(body, nullptr, false);
    Token token;
    for (const char* key : {"token", "access_token"}) {
        if (!json.is_object() || !token.text.empty()) break;
        auto found = json.find(key);
        if (found == json.end() || !found->is_string()) continue;
        auto text = found->get<std::string>();
        bool plain = std::all_of(text.begin(), text.end(),
                                 [](unsigned char c) { return c > 0x20 && c < 0x7f; });
        if (plain) token.text = std::move(text);
    }
    if (token.text.empty())
        return Error(ErrorKind::network, "the token server's answer holds no token");
    std::int64_t seconds = 0;
    if (auto found = json.find("expires_in"); found != json.end() && found->is_number_integer())
        seconds = found->get<std::int64_t>();
    seconds = std::clamp(seconds, least_token_seconds, longest_token_seconds);
    token.expires = options_.now() + seconds - renew_before_seconds;
    return token;
}

}  // namespace osiekit::oci
