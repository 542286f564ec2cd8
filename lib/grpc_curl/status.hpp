#pragma once

#include <string>

namespace osiekit::rpc {

// gRPC's status codes (doc/statuscodes.md), with the numbers of the wire.
enum class StatusCode {
    ok = 0,
    cancelled = 1,
    unknown = 2,
    invalid_argument = 3,
    deadline_exceeded = 4,
    not_found = 5,
    already_exists = 6,
    permission_denied = 7,
    resource_exhausted = 8,
    failed_precondition = 9,
    aborted = 10,
    out_of_range = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,
    data_loss = 15,
    unauthenticated = 16,
};

// How a call ended. `message` is the server's or ours, with bytes that may be anything; `details`
// is the trailer grpc-status-details-bin, decoded (a serialised google.rpc.Status), or empty.
struct RpcStatus {
    StatusCode code = StatusCode::ok;
    std::string message;
    std::string details;

    bool ok() const { return code == StatusCode::ok; }
};

}  // namespace osiekit::rpc
