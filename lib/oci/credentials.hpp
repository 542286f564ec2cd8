#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::oci {

// How one proves who one is to a registry. A secret: never printed.
struct Credential {
    std::string user;
    std::string password;
    std::string identity_token;  // an OAuth2 refresh token; goes to the token server only
    std::string registry_token;  // a bearer token that is sent to the registry as it is

    bool operator==(const Credential&) const = default;
};

// docker.io has had three names; "https://index.docker.io/v1/" is where its credentials are kept.
// Gives the canonical lower-case host[:port] of a registry's name or of a key in config.json,
// without scheme and path.
std::string canonical_registry(std::string_view name);

// The "auths" of a Docker config.json: keys are registries (host[:port], with or without scheme and
// path) or registry/repository prefixes. What is kept for one registry is never given for another.
class Credentials {
  public:
    static constexpr std::size_t max_config_bytes = 1U << 20U;
    static constexpr std::size_t max_entries = 1000;

    Credentials() = default;
    // Entries without anything to prove are left out. Errors: invalid_input (what is wrong and at
    // which key, never the secret), limit, unsupported: credHelpers and credsStore name programs,
    // which this one does not run.
    static Result<Credentials> parse_docker_config(std::string_view json);
    static Result<Credentials> read_docker_config(const std::filesystem::path& path);

    // `where`: host[:port][/repository prefix]; the last one added under a name wins.
    void add(std::string_view where, Credential credential);
    // The most specific entry for the repository on this registry.
    std::optional<Credential> find(std::string_view registry, std::string_view repository) const;
    bool empty() const { return entries_.empty(); }
    std::vector<std::string> places() const;  // for messages: where, without secrets

  private:
    struct Entry {
        std::string registry;  // canonical
        std::string prefix;    // of repositories; empty: all of the registry
        Credential credential;
    };
    std::vector<Entry> entries_;
};

}  // namespace osiekit::oci
