#include "lib/oci/registry_client.hpp"

#include <algorithm>
#include <ctime>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/registry_client_internal.hpp"

namespace osiekit::oci {
namespace {

constexpr std::chrono::milliseconds first_delay{500};
constexpr std::chrono::milliseconds longest_delay{10000};
// Bytes a second. A registry that stays below for the time of a standstill is asked anew, and one
// that does so on every connection is given up in the end.
constexpr std::uint32_t lowest_speed = 1024;
constexpr std::int64_t longest_retry_after_seconds = 60;
// Of a pause in which somebody may lose interest.
constexpr std::chrono::milliseconds longest_slice{200};
constexpr std::string_view accepted_manifests =
    "Accept: application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

RegistryOptions with_defaults(RegistryOptions options) {
    if (!options.sleep)
        options.sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
    if (!options.random)
        options.random = [engine = std::make_shared<std::mt19937_64>(std::random_device()())] {
            return std::uniform_real_distribution<double>(0, 1)(*engine);
        };
    if (!options.now) options.now = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
    if (!options.cancelled) options.cancelled = [] { return false; };
    if (!options.log) options.log = [](std::string_view) {};
    return options;
}

bool insufficient_scope(const http::Response& answer) {
    if (answer.status != 401 && answer.status != 403) return false;
    for (const Challenge& challenge : parse_challenges(header_of(answer, "www-authenticate"))) {
        auto found = challenge.parameters.find("error");
        if (found != challenge.parameters.end() && found->second == "insufficient_scope")
            return true;
    }
    return false;
}

}  // namespace

bool worth_repeating(long status) {
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

Error registry_error(const Endpoint& endpoint, const http::Response& answer) {
    std::string said = registry_message(answer.body);
    std::string text = "the registry " + endpoint.host + " answered " +
                       std::to_string(answer.status) + (said.empty() ? "" : " (" + said + ")");
    if (answer.status == 401 || answer.status == 403)
        return Error(ErrorKind::refused, text)
            .hint("check the registry's user and password (registry_username, registry_password)");
    if (answer.status == 404)
        return Error(ErrorKind::not_found, text)
            .hint("check the image's name and that it has been pushed");
    if (answer.status == 429) {
        std::string limit = header_of(answer, "ratelimit-limit");
        return Error(ErrorKind::network,
                     text + ": too many requests" +
                         (limit.empty() ? "" : "; its limit is " + printable(limit, 60)))
            .hint("use a mirror, or an account with a higher limit");
    }
    return {ErrorKind::network, text};
}

// A connection of the pool for the time of one request.
class RegistryClient::Lease {
  public:
    explicit Lease(RegistryClient& owner) : owner_(owner) {
        std::lock_guard lock(owner_.mutex_);
        if (owner_.idle_.empty()) return;
        client_ = std::move(owner_.idle_.back());
        owner_.idle_.pop_back();
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        std::lock_guard lock(owner_.mutex_);
        owner_.idle_.push_back(std::move(client_));
    }
    http::Client& operator*() { return client_; }

  private:
    RegistryClient& owner_;
    http::Client client_;
};

RegistryClient::RegistryClient(RegistryOptions options)
    : options_(with_defaults(std::move(options))),
      auth_(options_, [this](http::Request request) { return perform(std::move(request)); }) {}

void RegistryClient::log(const std::string& text) {
    options_.log(text);
}

std::vector<Endpoint> RegistryClient::endpoints(const Reference& reference, bool by_digest) const {
    bool plain = std::any_of(
        options_.insecure.begin(), options_.insecure.end(),
        [&](const std::string& host) { return equal_ignoring_case(host, reference.registry); });
    auto endpoints = options_.hosts.endpoints(reference.registry, reference.api_host(), plain);
    endpoints.erase(std::remove_if(endpoints.begin(), endpoints.end(),
                                   [&](const Endpoint& endpoint) {
                                       return by_digest ? !endpoint.may_pull
                                                        : !endpoint.may_resolve;
                                   }),
                    endpoints.end());
    for (Endpoint& endpoint : endpoints)
        if (endpoint.ca_file.empty()) endpoint.ca_file = options_.ca_file;
    return endpoints;
}

std::string registry_url(const Endpoint& endpoint, const Reference& reference,
                         std::string_view kind, const std::string& name) {
    std::string url =
        endpoint.base + "/v2/" + reference.repository + "/" + std::string(kind) + "/" + name;
    // The names' grammar leaves nothing to escape.
    if (endpoint.mirror) url += "?ns=" + reference.registry;
    return url;
}

void set_transport(http::Request& request, const Endpoint& endpoint) {
    request.ca_file = endpoint.ca_file;
    request.client_certificate = endpoint.client_certificate;
    request.client_key = endpoint.client_key;
    request.insecure_tls = !endpoint.verify_tls;
    request.connect_timeout = endpoint.connect_timeout;
    request.headers.insert(request.headers.end(), endpoint.headers.begin(), endpoint.headers.end());
}

std::chrono::seconds RegistryClient::retry_after(const http::Response& answer) const {
    std::string text = header_of(answer, "retry-after");
    if (text.empty()) return std::chrono::seconds(0);
    std::int64_t seconds = 0;
    if (auto number = parse_u64(text))
        seconds = static_cast<std::int64_t>(
            std::min<std::uint64_t>(*number, longest_retry_after_seconds));
    else if (auto date = http::parse_date(text))
        seconds = *date - options_.now();
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, longest_retry_after_seconds));
}

bool RegistryClient::wait_to_retry(int attempt, int attempts, const http::Response* answer,
                                   const std::function<bool()>* unwanted) {
    auto cancelled = [&] { return options_.cancelled() || (unwanted != nullptr && (*unwanted)()); };
    if (attempt >= attempts || cancelled()) return false;
    auto ceiling = std::min(longest_delay, first_delay * (1 << std::min(attempt - 1, 10)));
    double jitter = 0;
    {
        std::lock_guard lock(mutex_);
        jitter = options_.random();
    }
    auto delay = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * jitter));
    if (answer != nullptr) delay += retry_after(*answer);
    auto slice = unwanted == nullptr ? delay : longest_slice;
    for (auto left = delay; left.count() > 0 && !cancelled(); left -= slice)
        options_.sleep(std::min(left, slice));
    return !cancelled();
}

Result<http::Response> RegistryClient::perform(http::Request request) {
    if (!request.cancelled) request.cancelled = options_.cancelled;
    request.lowest_speed = lowest_speed;
    Lease connection(*this);
    return (*connection).perform(request);
}

Result<http::Response> RegistryClient::exchange(const Endpoint& endpoint,
                                                const Reference& reference,
                                                const http::Request& request) {
    constexpr int most_refusals = 3;  // a token that ran out, then one with too small a scope
    for (int refusals = 0;; ++refusals) {
        http::Request ready = request;
        set_transport(ready, endpoint);
        auto used = auth_.prepare(ready, endpoint, reference.repository);
        OSIEKIT_ASSIGN(auto answer, perform(std::move(ready)));
        if (auto warning = header_of(answer, "warning"); !warning.empty())
            log("the registry " + endpoint.host + " warns: " + printable(warning));
        bool refused = answer.status == 401 || insufficient_scope(answer);
        if (!refused || refusals == most_refusals) return answer;
        // A fresh token that is refused again only helps with another scope.
        if (refusals > 0 && !insufficient_scope(answer)) return answer;
        OSIEKIT_ASSIGN(bool again, auth_.answer(endpoint, reference.repository, answer, used));
        if (!again) return answer;
    }
}

Result<http::Response> RegistryClient::exchange_with_retries(const Endpoint& endpoint,
                                                             const Reference& reference,
                                                             const http::Request& request,
                                                             int attempts) {
    for (int attempt = 1;; ++attempt) {
        auto answer = exchange(endpoint, reference, request);
        if (answer && !worth_repeating(answer->status)) {
            if (answer->status == 200) return answer;
            return registry_error(endpoint, *answer);
        }
        if (!answer && answer.error().kind() != ErrorKind::network) return answer;
        Error error = answer ? registry_error(endpoint, *answer) : answer.error();
        if (!wait_to_retry(attempt, attempts, answer ? &*answer : nullptr)) {
            if (options_.cancelled()) return Error(ErrorKind::cancelled, "cancelled");
            auto failed =
                std::move(error).context("after " + std::to_string(attempt) + " attempts");
            if (endpoint.plain_http) return failed;
            return std::move(failed).hint("if the registry speaks plain HTTP, add " +
                                          endpoint.host + " to insecure_registries");
        }
        log(error.to_string() + "; trying again");
    }
}

Result<RegistryClient::Probe> RegistryClient::probe(const std::string& registry,
                                                    std::chrono::milliseconds patience) {
    Reference reference;
    reference.registry = registry;
    auto places = endpoints(reference, false);
    for (std::size_t i = 0; i < places.size(); ++i) {
        http::Request request;
        request.url = places[i].base + "/v2/";
        set_transport(request, places[i]);
        request.connect_timeout = std::min(request.connect_timeout, patience);
        request.stall_timeout = std::chrono::ceil<std::chrono::seconds>(patience);
        auto answer = perform(std::move(request));
        if (answer) return Probe{places[i].host, *std::move(answer)};
        if (i + 1 == places.size()) return std::move(answer).error();
        log(answer.error().to_string() + "; asking " + places[i + 1].host);
    }
    return Error(ErrorKind::invalid_input,
                 "the registries' settings leave nobody to ask for " + printable(registry));
}

Result<FetchedDocument> RegistryClient::fetch_document(const Reference& reference,
                                                       const std::string& name) {
    auto digest = ContentDigest::parse(name);
    auto places = endpoints(reference, digest.ok());
    for (std::size_t i = 0; i < places.size(); ++i) {
        bool last = i + 1 == places.size();
        http::Request request;
        request.url = registry_url(places[i], reference, "manifests", name);
        request.headers.emplace_back(accepted_manifests);
        request.body_limit = max_document_bytes;
        auto answer = exchange_with_retries(places[i], reference, request,
                                            last ? options_.attempts : options_.mirror_attempts);
        std::optional<Error> failure;
        if (!answer) {
            failure = answer.error();
        } else {
            auto algorithm = digest ? digest->algorithm() : ContentDigest::Algorithm::sha256;
            FetchedDocument fetched{
                std::move(answer->body), header_of(*answer, "content-type"), {}};
            fetched.digest = ContentDigest::of(fetched.bytes, algorithm);
            if (!digest || fetched.digest == *digest) return fetched;
            failure =
                Error(ErrorKind::digest, "the registry's manifest is " + fetched.digest.oci() +
                                             ", not " + name + " as asked");
        }
        if (last || failure->kind() == ErrorKind::cancelled) return *std::move(failure);
        log(failure->to_string() + "; asking " + places[i + 1].host);
    }
    return Error(ErrorKind::invalid_input,
                 "no mirror of " + reference.registry + " may be asked for " + name)
        .hint("give one of them the capability, or let the registry itself be asked");
}

}  // namespace osiekit::oci
