#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/http/http_client.hpp"
#include "lib/oci/manifest.hpp"
#include "lib/oci/reference.hpp"

namespace osiekit::oci {

inline constexpr std::uint64_t max_token_bytes = 1U << 20U;
inline constexpr int max_index_depth = 4;

struct RegistryOptions {
    std::vector<std::string>
        insecure;  // host[:port] that speak plain HTTP, exactly as in the image
    // Credentials for one registry; they are sent to it and to the token server it names only.
    std::string credentials_host;
    std::string user;
    std::string password;
    std::string ca_file;  // extra CA bundle; empty: the system's
    int attempts = 5;     // of each request, the first included
    // Passed in so that tests do not sleep; empty: the real ones.
    std::function<void(std::chrono::milliseconds)> sleep;
    std::function<double()> random;  // [0, 1)
    std::function<bool()> cancelled;
    std::function<void(std::string_view)> log;  // what a person may want to know of retries
};

struct ResolvedImage {
    Reference reference;
    Sha256 manifest_digest;  // of the manifest for the chosen platform
    Manifest manifest;
    ImageConfig config;
};

// Reads images from registries (OCI distribution specification 1.1, "pull"). Every document and
// blob is checked against its digest and size. Broken transfers, 408, 429 and 5xx answers are tried
// again with full jitter; a blob goes on where it stopped. Not for use by two threads at once.
class RegistryClient {
  public:
    explicit RegistryClient(RegistryOptions options);

    // The manifest and configuration of the image for this platform. Errors: not_found, refused
    // (credentials), network, digest, unsupported (another architecture), limit, invalid_input.
    Result<ResolvedImage> resolve(const Reference& reference, const Platform& platform);

    // Streams a blob in order, each byte once. The caller must not believe the bytes before this
    // has succeeded: the digest is known at the end. An error that on_data returns ends the
    // transfer and is returned.
    Status fetch_blob(const Reference& reference, const Descriptor& blob,
                      const std::function<Status(std::string_view)>& on_data);

  private:
    struct Fetched {
        std::string bytes;
        std::string content_type;
        Sha256 digest;
    };
    Result<Fetched> fetch_manifest(const Reference& reference, const std::string& name);
    Result<std::string> fetch_config(const Reference& reference, const Descriptor& config);
    // One exchange with authorization, without repeats.
    Result<http::Response> exchange(const Reference& reference, http::Request request);
    Result<http::Response> exchange_with_retries(const Reference& reference,
                                                 const http::Request& request);
    Status authorize(const Reference& reference, const http::Response& refusal);
    Status fetch_token(const Reference& reference,
                       const std::map<std::string, std::string>& parameters);
    // Waits before the next attempt; false when there is none left or the caller cancelled.
    bool wait_to_retry(int attempt, const http::Response* answer);
    std::string url(const Reference& reference, std::string_view kind,
                    const std::string& name) const;
    bool insecure(const Reference& reference) const;
    bool has_credentials(const Reference& reference) const;
    void prepare(http::Request& request, const Reference& reference) const;

    RegistryOptions options_;
    http::Client http_;
    std::map<std::string, std::string> tokens_;  // by registry and repository
    std::map<std::string, bool> basic_;          // registries that asked for Basic
};

// Statuses that may be gone a moment later.
bool worth_repeating(long status);
// The error for a final answer that is not a success: says what the registry said.
Error registry_error(const Reference& reference, const http::Response& answer);

}  // namespace osiekit::oci
