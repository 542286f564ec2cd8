#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/http/http_client.hpp"
#include "lib/oci/challenge.hpp"
#include "lib/oci/registry_options.hpp"

namespace osiekit::oci {

inline constexpr std::uint64_t max_token_bytes = 1U << 20U;
inline constexpr std::size_t max_scopes = 20;  // of one challenge

// What proves who we are to one endpoint: bearer tokens (distribution's token and OAuth2 ways),
// Basic, or nothing. Tokens are kept until they run out; of several threads that need the same
// token one fetches it and the others wait. Safe to be used by several threads at once.
class RegistryAuth {
  public:
    // Performs a request that is ready but for the options' transport settings.
    using Perform = std::function<Result<http::Response>(http::Request)>;

    RegistryAuth(const RegistryOptions& options, Perform perform)
        : options_(options), perform_(std::move(perform)) {}

    // What a request went out with.
    struct Used {
        std::string token;
        bool basic = false;
    };

    // Adds what is known to the request.
    Used prepare(http::Request& request, const Endpoint& endpoint, const std::string& repository);
    // Answers the challenges of a refusal. `used`: what was refused. True if another attempt is
    // worth it.
    Result<bool> answer(const Endpoint& endpoint, const std::string& repository,
                        const http::Response& refusal, const Used& used);

    std::optional<Credential> credential(const Endpoint& endpoint,
                                         const std::string& repository) const;

  private:
    struct Token {
        std::string text;
        std::int64_t expires = 0;
    };
    struct Wanted {
        std::string realm;
        std::string service;
        std::vector<std::string> scopes;
    };
    Result<bool> fetch_token(const Endpoint& endpoint, const std::string& repository,
                             const Challenge& challenge, const std::string& used);
    Result<Token> request_token(const Endpoint& endpoint, const Wanted& wanted,
                                const std::optional<Credential>& credential);
    Result<http::Response> by_get(const Endpoint& endpoint, const Wanted& wanted,
                                  const std::optional<Credential>& credential);
    Result<http::Response> by_post(const Endpoint& endpoint, const Wanted& wanted,
                                   const Credential& credential);
    Result<Token> parse_token(const std::string& body) const;

    const RegistryOptions& options_;
    Perform perform_;
    std::mutex mutex_;
    std::map<std::string, Token> tokens_;  // by endpoint and repository
    std::map<std::string, bool> basic_;    // endpoints that asked for Basic
    std::map<std::string, std::unique_ptr<std::mutex>> flights_;
};

// "code: message" of a registry's JSON error, or nothing.
std::string registry_message(const std::string& body);
// A header of the response by its lower-case name, or nothing.
std::string header_of(const http::Response& response, const std::string& name);

}  // namespace osiekit::oci
