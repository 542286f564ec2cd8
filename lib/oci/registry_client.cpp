#include "lib/oci/registry_client.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/challenge.hpp"

namespace osiekit::oci {
namespace {

constexpr std::chrono::milliseconds first_delay{500};
constexpr std::chrono::milliseconds longest_delay{10000};
constexpr std::uint64_t longest_retry_after_seconds = 60;
constexpr std::string_view accepted_manifests =
    "Accept: application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     std::string_view("-._~").find(c) != std::string_view::npos;
        if (plain)
            encoded += c;
        else
            encoded += "%" + to_hex(std::string_view(&c, 1));
    }
    return encoded;
}

// docker.io has had three names.
std::string canonical_host(std::string_view host) {
    std::string lower = to_lower(host);
    if (lower == "index.docker.io" || lower == "registry-1.docker.io") return "docker.io";
    return lower;
}

// "code: message" of the registry's JSON error, or nothing.
std::string registry_message(const std::string& body) {
    auto json = nlohmann::json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("errors") || !json["errors"].is_array()) return {};
    std::vector<std::string> parts;
    for (const auto& error : json["errors"]) {
        if (!error.is_object()) continue;
        for (const char* key : {"code", "message"})
            if (auto found = error.find(key); found != error.end() && found->is_string())
                parts.push_back(printable(found->get<std::string>()));
    }
    return join(parts, ": ");
}

std::string header(const http::Response& response, const std::string& name) {
    auto found = response.headers.find(name);
    return found == response.headers.end() ? std::string() : found->second;
}

}  // namespace

bool worth_repeating(long status) {
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

Error registry_error(const Reference& reference, const http::Response& answer) {
    std::string said = registry_message(answer.body);
    std::string text = "the registry " + reference.registry + " answered " +
                       std::to_string(answer.status) + (said.empty() ? "" : " (" + said + ")");
    if (answer.status == 401 || answer.status == 403)
        return Error(ErrorKind::refused, text)
            .hint("check the registry's user and password (registry_username, registry_password)");
    if (answer.status == 404)
        return Error(ErrorKind::not_found, text)
            .hint("check the image's name and that it has been pushed");
    return {ErrorKind::network, text};
}

RegistryClient::RegistryClient(RegistryOptions options) : options_(std::move(options)) {
    if (!options_.sleep)
        options_.sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
    if (!options_.random)
        options_.random = [engine = std::mt19937_64(std::random_device()())]() mutable {
            return std::uniform_real_distribution<double>(0, 1)(engine);
        };
    if (!options_.cancelled) options_.cancelled = [] { return false; };
    if (!options_.log) options_.log = [](std::string_view) {};
}

bool RegistryClient::insecure(const Reference& reference) const {
    return std::any_of(
        options_.insecure.begin(), options_.insecure.end(),
        [&](const std::string& host) { return equal_ignoring_case(host, reference.registry); });
}

bool RegistryClient::has_credentials(const Reference& reference) const {
    return !options_.user.empty() &&
           canonical_host(options_.credentials_host) == canonical_host(reference.registry);
}

std::string RegistryClient::url(const Reference& reference, std::string_view kind,
                                const std::string& name) const {
    return (insecure(reference) ? "http://" : "https://") + reference.api_host() + "/v2/" +
           reference.repository + "/" + std::string(kind) + "/" + name;
}

void RegistryClient::prepare(http::Request& request, const Reference& reference) const {
    request.ca_file = options_.ca_file;
    request.cancelled = options_.cancelled;
    auto token = tokens_.find(reference.registry + "/" + reference.repository);
    if (token != tokens_.end()) {
        // libcurl drops this header when a redirect leads to another host (since 7.58).
        request.headers.push_back("Authorization: Bearer " + token->second);
    } else if (basic_.count(reference.registry) != 0 && has_credentials(reference)) {
        request.user = options_.user;
        request.password = options_.password;
    }
}

bool RegistryClient::wait_to_retry(int attempt, const http::Response* answer) {
    if (attempt >= options_.attempts || options_.cancelled()) return false;
    auto ceiling = std::min(longest_delay, first_delay * (1 << std::min(attempt - 1, 10)));
    auto delay = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * options_.random()));
    if (answer != nullptr)
        if (auto seconds = parse_u64(header(*answer, "retry-after")))
            delay += std::chrono::seconds(std::min(*seconds, longest_retry_after_seconds));
    options_.sleep(delay);
    return !options_.cancelled();
}

Status RegistryClient::fetch_token(const Reference& reference,
                                   const std::map<std::string, std::string>& parameters) {
    auto value = [&](const char* key) {
        auto found = parameters.find(key);
        return found == parameters.end() ? std::string() : found->second;
    };
    http::Request request;
    request.url = value("realm");
    if (request.url.empty())
        return Error(ErrorKind::network, "the registry asks for a token but names no realm");
    std::string scope = value("scope");
    if (scope.empty()) scope = "repository:" + reference.repository + ":pull";
    request.url += request.url.find('?') == std::string::npos ? '?' : '&';
    request.url += "scope=" + percent_encoded(scope);
    if (!value("service").empty()) request.url += "&service=" + percent_encoded(value("service"));
    request.body_limit = max_token_bytes;
    request.ca_file = options_.ca_file;
    request.cancelled = options_.cancelled;
    if (has_credentials(reference)) {
        if (to_lower(request.url.substr(0, 8)) != "https://" && !insecure(reference))
            return Error(ErrorKind::refused, "the registry wants its password sent over plain HTTP")
                .hint("add " + reference.registry + " to insecure_registries if that is meant");
        request.user = options_.user;
        request.password = options_.password;
    }
    OSIEKIT_ASSIGN(auto answer, http_.perform(request));
    if (answer.status != 200) return registry_error(reference, answer);
    auto json = nlohmann::json::parse(answer.body, nullptr, false);
    for (const char* key : {"token", "access_token"}) {
        if (!json.is_object()) break;
        auto found = json.find(key);
        if (found == json.end() || !found->is_string()) continue;
        auto token = found->get<std::string>();
        if (token.empty() || token.find_first_of("\r\n") != std::string::npos) continue;
        tokens_[reference.registry + "/" + reference.repository] = token;
        return {};
    }
    return Error(ErrorKind::network, "the token server's answer holds no token");
}

Status RegistryClient::authorize(const Reference& reference, const http::Response& refusal) {
    auto challenges = parse_challenges(header(refusal, "www-authenticate"));
    for (const Challenge& challenge : challenges)
        if (challenge.scheme == "bearer")
            return fetch_token(reference, challenge.parameters).context("asking for a token");
    bool basic = std::any_of(challenges.begin(), challenges.end(), [](const Challenge& challenge) {
        return challenge.scheme == "basic";
    });
    if (!basic || !has_credentials(reference)) return registry_error(reference, refusal);
    basic_[reference.registry] = true;
    return {};
}

Result<http::Response> RegistryClient::exchange(const Reference& reference, http::Request request) {
    http::Request first = request;
    prepare(first, reference);
    bool had_token = tokens_.count(reference.registry + "/" + reference.repository) != 0;
    bool had_basic = !first.user.empty();
    OSIEKIT_ASSIGN(auto answer, http_.perform(first));
    if (answer.status != 401 || had_basic) return answer;
    // A token that is refused may have run out in the middle of a long pull: one new one.
    if (had_token) tokens_.erase(reference.registry + "/" + reference.repository);
    OSIEKIT_TRY(authorize(reference, answer));
    prepare(request, reference);
    return http_.perform(request);
}

Result<http::Response> RegistryClient::exchange_with_retries(const Reference& reference,
                                                             const http::Request& request) {
    for (int attempt = 1;; ++attempt) {
        auto answer = exchange(reference, request);
        if (answer && !worth_repeating(answer->status)) {
            if (answer->status == 200) return answer;
            return registry_error(reference, *answer);
        }
        if (!answer && answer.error().kind() != ErrorKind::network) return answer;
        Error error = answer ? registry_error(reference, *answer) : answer.error();
        if (!wait_to_retry(attempt, answer ? &*answer : nullptr)) {
            if (attempt < options_.attempts) return Error(ErrorKind::cancelled, "cancelled");
            auto failed =
                std::move(error).context("after " + std::to_string(attempt) + " attempts");
            if (insecure(reference)) return failed;
            return std::move(failed).hint("if the registry speaks plain HTTP, add " +
                                          reference.registry + " to insecure_registries");
        }
        options_.log(error.to_string() + "; trying again");
    }
}

Result<RegistryClient::Fetched> RegistryClient::fetch_manifest(const Reference& reference,
                                                               const std::string& name) {
    http::Request request;
    request.url = url(reference, "manifests", name);
    request.headers.emplace_back(accepted_manifests);
    request.body_limit = max_document_bytes;
    OSIEKIT_ASSIGN(auto answer, exchange_with_retries(reference, request));
    Fetched fetched;
    fetched.digest = Sha256::of(answer.body);
    fetched.content_type = header(answer, "content-type");
    fetched.bytes = std::move(answer.body);
    return fetched;
}

Result<std::string> RegistryClient::fetch_config(const Reference& reference,
                                                 const Descriptor& config) {
    if (config.size > max_document_bytes)
        return Error(ErrorKind::limit,
                     "the image configuration is larger than " + human_size(max_document_bytes));
    std::string bytes;
    OSIEKIT_TRY(fetch_blob(reference, config, [&](std::string_view piece) -> Status {
        bytes += piece;
        return {};
    }));
    return bytes;
}

Result<ResolvedImage> RegistryClient::resolve(const Reference& reference,
                                              const Platform& platform) {
    std::string name = reference.manifest_name();
    std::optional<Sha256> expected = reference.digest;
    for (int depth = 0; depth < max_index_depth; ++depth) {
        OSIEKIT_ASSIGN(auto fetched, fetch_manifest(reference, name));
        if (expected && fetched.digest != *expected)
            return Error(ErrorKind::digest, "the registry's manifest is " + fetched.digest.oci() +
                                                ", not " + expected->oci() + " as asked");
        OSIEKIT_ASSIGN(auto document, parse_document(fetched.bytes, fetched.content_type));
        if (auto* index = std::get_if<Index>(&document)) {
            OSIEKIT_ASSIGN(auto chosen, choose_platform(*index, platform));
            expected = chosen.digest;
            name = chosen.digest.oci();
            continue;
        }
        ResolvedImage image{reference, fetched.digest, std::get<Manifest>(std::move(document)), {}};
        OSIEKIT_ASSIGN(auto bytes, fetch_config(reference, image.manifest.config));
        OSIEKIT_ASSIGN(image.config, parse_config(bytes));
        const Platform& made_for = image.config.platform;
        if (!made_for.architecture.empty() && !fits(made_for, platform))
            return Error(ErrorKind::unsupported, "the image is made for " +
                                                     printable(made_for.to_string()) +
                                                     ", this machine is " + platform.to_string())
                .hint("build the image for this machine's architecture");
        if (image.config.diff_ids.size() != image.manifest.layers.size())
            return Error(ErrorKind::invalid_input,
                         "the image's manifest and configuration name different numbers of layers");
        return image;
    }
    return Error(ErrorKind::limit, "the image's indexes are nested too deeply");
}

}  // namespace osiekit::oci
