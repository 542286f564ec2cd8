// The blob half of RegistryClient: streaming, resuming, checking.
#include <algorithm>
#include <string>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/registry_client.hpp"
#include "lib/oci/registry_client_internal.hpp"

namespace osiekit::oci {
namespace {

// Connections spent on one blob at one endpoint, however much each of them brought.
constexpr int max_connections = 50;

}  // namespace

// One blob on its way: what has come so far survives a broken connection, and a change of the
// endpoint.
struct RegistryClient::Progress {
    const Descriptor& blob;
    const BlobSink& sink;
    const std::function<bool()> unwanted;
    ContentHash hash;
    std::uint64_t received = 0;
    std::uint64_t skip = 0;  // of a server that ignored our Range and began again
    bool wrong_range = false;
    bool refused = false;  // the reader's own error, or bytes that cannot be right

    Progress(const Descriptor& wanted, const BlobSink& reader,
             const std::function<bool()>& cancelled)
        : blob(wanted),
          sink(reader),
          unwanted([&reader, &cancelled] {
              return cancelled() || (reader.cancelled && reader.cancelled());
          }),
          hash(wanted.digest.algorithm()) {}

    // Where the body of this answer belongs; false if that is not where we are.
    bool begin(long status, const std::map<std::string, std::string>& headers) {
        skip = status == 200 ? received : 0;
        wrong_range = false;
        if (status != 206) return true;
        auto range = headers.find("content-range");
        std::string wanted = "bytes " + std::to_string(received) + "-";
        wrong_range = range == headers.end() || range->second.rfind(wanted, 0) != 0;
        return !wrong_range;
    }

    Status take(std::string_view piece) {
        auto skipped = std::min<std::uint64_t>(skip, piece.size());
        skip -= skipped;
        piece.remove_prefix(skipped);
        // Before hashing: a body that does not end is an attack or a defect.
        if (piece.size() > blob.size - received) {
            refused = true;
            return Error(ErrorKind::digest, "the blob " + blob.digest.oci() +
                                                " is longer than the declared " +
                                                std::to_string(blob.size) + " bytes");
        }
        hash.update(piece);
        received += piece.size();
        auto taken = sink.on_data(piece);
        refused = !taken;
        return taken;
    }
};

// How one connection ended.
struct RegistryClient::BlobAttempt {
    std::optional<Error> error;  // none: the blob is complete
    bool final = false;          // asking this endpoint again is no use
    std::optional<http::Response> answer;
};

RegistryClient::BlobAttempt RegistryClient::attempt_blob(const Endpoint& endpoint,
                                                         const Reference& reference,
                                                         Progress& progress) {
    http::Request request;
    request.url = registry_url(endpoint, reference, "blobs", progress.blob.digest.oci());
    if (progress.received > 0) request.range_start = progress.received;
    request.on_headers = [&](long status, const auto& headers) {
        return progress.begin(status, headers);
    };
    request.on_body = [&](std::string_view piece) { return progress.take(piece); };
    request.cancelled = progress.unwanted;
    auto answer = exchange(endpoint, reference, request);
    if (progress.wrong_range)
        return {Error(ErrorKind::network,
                      "the registry " + endpoint.host + " sent another range than was asked for"),
                true,
                {}};
    if (!answer) {
        bool final = answer.error().kind() != ErrorKind::network;
        return {std::move(answer).error(), final, {}};
    }
    if (answer->status != 200 && answer->status != 206)
        return {registry_error(endpoint, *answer), !worth_repeating(answer->status),
                std::move(*answer)};
    if (progress.received == progress.blob.size) return {};
    return {Error(ErrorKind::network, "the blob ended after " + std::to_string(progress.received) +
                                          " of " + std::to_string(progress.blob.size) + " bytes"),
            false,
            {}};
}

Status RegistryClient::fetch_blob_from(const Endpoint& endpoint, const Reference& reference,
                                       Progress& progress, int attempts) {
    int standstills = 0;
    for (int connection = 1;; ++connection) {
        std::uint64_t start = progress.received;
        BlobAttempt attempt = attempt_blob(endpoint, reference, progress);
        if (!attempt.error) return {};
        if (progress.unwanted()) return Error(ErrorKind::cancelled, "cancelled");
        if (attempt.final) return *std::move(attempt.error);
        // What moved forward earns new attempts: only standstill runs out of them.
        standstills = progress.received > start ? 1 : standstills + 1;
        bool again = connection < max_connections &&
                     wait_to_retry(standstills, attempts,
                                   attempt.answer ? &*attempt.answer : nullptr, &progress.unwanted);
        if (progress.unwanted()) return Error(ErrorKind::cancelled, "cancelled");
        if (!again)
            return (*std::move(attempt.error))
                .context("fetching " + progress.blob.digest.oci() + " from " + endpoint.host +
                         ", connection " + std::to_string(connection));
        log(attempt.error->to_string() + "; going on at byte " + std::to_string(progress.received));
    }
}

Status RegistryClient::fetch_blob(const Reference& reference, const Descriptor& blob,
                                  const BlobSink& sink) {
    Progress progress(blob, sink, options_.cancelled);
    auto places = endpoints(reference, true);
    if (places.empty())
        return Error(ErrorKind::invalid_input,
                     "no mirror of " + reference.registry + " may be asked for layers")
            .hint("give one of them the capability \"pull\"");
    for (std::size_t i = 0; i < places.size(); ++i) {
        bool last = i + 1 == places.size();
        auto fetched = fetch_blob_from(places[i], reference, progress,
                                       last ? options_.attempts : options_.mirror_attempts);
        if (fetched) break;
        if (last || progress.refused || fetched.error().kind() == ErrorKind::cancelled)
            return fetched;
        log(fetched.error().to_string() + "; asking " + places[i + 1].host);
    }
    ContentDigest found = progress.hash.finish();
    if (found != blob.digest)
        return Error(ErrorKind::digest,
                     "the blob is " + found.oci() + ", not " + blob.digest.oci() + " as declared");
    return {};
}

}  // namespace osiekit::oci
