#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/http/http_client.hpp"
#include "lib/oci/image_source.hpp"
#include "lib/oci/registry_auth.hpp"
#include "lib/oci/registry_options.hpp"

namespace osiekit::oci {

// Reads images from registries (OCI distribution specification 1.1, "pull"). Every document and
// blob is checked against its digest and size. Broken transfers, 408, 429 and 5xx answers are tried
// again with full jitter, then the next endpoint is asked; a blob goes on where it stopped, at
// another endpoint too. Safe to be used by several threads at once: each request takes a connection
// of a pool.
class RegistryClient : public ImageSource {
  public:
    explicit RegistryClient(RegistryOptions options);

    Result<FetchedDocument> fetch_document(const Reference& reference,
                                           const std::string& name) override;
    Status fetch_blob(const Reference& reference, const Descriptor& blob,
                      const BlobSink& sink) override;
    bool cancelled() const override { return options_.cancelled(); }

    struct Probe {
        std::string host;  // who answered: a mirror, or the registry itself
        http::Response answer;
    };
    // Asks those who say what the registry's tags mean, in their order, for /v2/: the first answer
    // of whatever status, without credentials and without repeats. 200 or 401 come of a registry
    // (distribution specification, "Determining Support"). `patience`: for the connection and for
    // the answer each.
    Result<Probe> probe(const std::string& registry, std::chrono::milliseconds patience);

  private:
    struct Progress;
    struct BlobAttempt;
    // A connection from the pool, given back at the end.
    class Lease;

    std::vector<Endpoint> endpoints(const Reference& reference, bool by_digest) const;
    Result<http::Response> perform(http::Request request);
    // One exchange with authorization, without repeats.
    Result<http::Response> exchange(const Endpoint& endpoint, const Reference& reference,
                                    const http::Request& request);
    Result<http::Response> exchange_with_retries(const Endpoint& endpoint,
                                                 const Reference& reference,
                                                 const http::Request& request, int attempts);
    Status fetch_blob_from(const Endpoint& endpoint, const Reference& reference, Progress& progress,
                           int attempts);
    BlobAttempt attempt_blob(const Endpoint& endpoint, const Reference& reference,
                             Progress& progress);
    // Waits before the next attempt; false when there is none left or the caller cancelled.
    // `unwanted` is asked meanwhile; null: only the whole client can be cancelled.
    bool wait_to_retry(int attempt, int attempts, const http::Response* answer,
                       const std::function<bool()>* unwanted = nullptr);
    std::chrono::seconds retry_after(const http::Response& answer) const;
    void log(const std::string& text);

    RegistryOptions options_;
    RegistryAuth auth_;
    std::mutex mutex_;  // of the pool and of the random numbers
    std::vector<http::Client> idle_;
};

// Statuses that may be gone a moment later.
bool worth_repeating(long status);
// The error for a final answer that is not a success: says what the registry said.
Error registry_error(const Endpoint& endpoint, const http::Response& answer);

}  // namespace osiekit::oci
