#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::oci {

// One place that answers for a registry: itself, or a mirror.
struct Endpoint {
    std::string host;  // host[:port]: whom credentials are for
    std::string base;  // scheme://host[:port][/path], without a slash at the end and without /v2
    bool plain_http = false;
    bool mirror = false;      // gets ?ns=REGISTRY, so that one mirror can serve several registries
    bool may_resolve = true;  // may say what a tag means; without, it only serves digests
    bool may_pull = true;
    bool verify_tls = true;
    std::string ca_file;  // in addition to the system's authorities
    std::string client_certificate;
    std::string client_key;
    std::vector<std::string> headers;  // "Name: value"
    std::chrono::milliseconds connect_timeout{10000};
};

// Who answers for which registry, in which order: our JSON form of containerd's hosts files.
//
//   {"registries": {"docker.io": {"mirrors": [{"url": "https://mirror.example:5000",
//                                             "capabilities": ["pull", "resolve"]}],
//                                 "upstream": true},
//                   "*": {…}}}
//
// docs/registries.md has every key.
class RegistryHosts {
  public:
    static constexpr std::size_t max_config_bytes = 1U << 20U;
    static constexpr std::size_t max_mirrors = 20;  // of one registry

    RegistryHosts() = default;
    // Errors: invalid_input, naming the place and the known keys; limit.
    static Result<RegistryHosts> parse(std::string_view json);
    static Result<RegistryHosts> read(const std::filesystem::path& path);

    // The mirrors first, then the registry itself unless that is switched off. `plain_http`: the
    // registry is in the explicit list of those that speak plain HTTP. `api_host`: where its API
    // answers.
    std::vector<Endpoint> endpoints(const std::string& registry, const std::string& api_host,
                                    bool plain_http) const;

  private:
    struct Rule {
        std::vector<Endpoint> mirrors;
        Endpoint upstream;  // its settings; host and base are the registry's
        bool use_upstream = true;
        bool plain_http = false;
    };
    static Result<Rule> parse_rule(const std::string& where, const void* json);
    std::map<std::string, Rule> rules_;  // by canonical registry, or "*"
};

}  // namespace osiekit::oci
