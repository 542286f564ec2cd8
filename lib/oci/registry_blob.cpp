// The blob half of RegistryClient: streaming, resuming, checking.
#include <string>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/registry_client.hpp"

namespace osiekit::oci {
namespace {

// Connections spent on one blob, however much each of them brought.
constexpr int max_connections = 50;

// One blob on its way: what has come so far survives a broken connection.
struct Progress {
    const Descriptor& blob;
    const std::function<Status(std::string_view)>& on_data;
    Sha256Stream hash{};
    std::uint64_t received = 0;
    std::uint64_t skip = 0;  // of a server that ignored our Range and began again
    bool wrong_range = false;

    // Where the body of this answer belongs; false if that is not where we are.
    bool begin(long status, const std::map<std::string, std::string>& headers) {
        skip = status == 200 ? received : 0;
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
        if (piece.size() > blob.size - received)
            return Error(ErrorKind::digest, "the blob " + blob.digest.oci() +
                                                " is longer than the declared " +
                                                std::to_string(blob.size) + " bytes");
        hash.update(piece);
        received += piece.size();
        return on_data(piece);
    }
};

}  // namespace

Status RegistryClient::fetch_blob(const Reference& reference, const Descriptor& blob,
                                  const std::function<Status(std::string_view)>& on_data) {
    Progress progress{blob, on_data};
    int standstills = 0;
    for (int connection = 1;; ++connection) {
        http::Request request;
        request.url = url(reference, "blobs", blob.digest.oci());
        std::uint64_t start = progress.received;
        if (start > 0) request.range_start = start;
        request.on_headers = [&](long status, const auto& headers) {
            return progress.begin(status, headers);
        };
        request.on_body = [&](std::string_view piece) { return progress.take(piece); };
        auto answer = exchange(reference, std::move(request));
        bool complete = answer && (answer->status == 200 || answer->status == 206);
        if (complete && progress.received == blob.size) break;
        if (progress.wrong_range)
            return Error(ErrorKind::network, "the registry sent another range than was asked for");
        if (answer && !complete && !worth_repeating(answer->status))
            return registry_error(reference, *answer);
        if (!answer && answer.error().kind() != ErrorKind::network)
            return std::move(answer).error();
        Error error = !answer ? answer.error()
                      : !complete
                          ? registry_error(reference, *answer)
                          : Error(ErrorKind::network,
                                  "the blob ended after " + std::to_string(progress.received) +
                                      " of " + std::to_string(blob.size) + " bytes");
        // What moved forward earns new attempts: only standstill runs out of them.
        standstills = progress.received > start ? 1 : standstills + 1;
        bool again =
            connection < max_connections && wait_to_retry(standstills, answer ? &*answer : nullptr);
        if (options_.cancelled()) return Error(ErrorKind::cancelled, "cancelled");
        if (!again)
            return std::move(error).context("fetching " + blob.digest.oci() + " from " +
                                            reference.registry + ", connection " +
                                            std::to_string(connection));
        options_.log(error.to_string() + "; going on at byte " + std::to_string(progress.received));
    }
    Sha256 found = progress.hash.finish();
    if (found != blob.digest)
        return Error(ErrorKind::digest,
                     "the blob is " + found.oci() + ", not " + blob.digest.oci() + " as declared");
    return {};
}

}  // namespace osiekit::oci
