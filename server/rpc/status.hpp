#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "lib/base/error.hpp"

namespace osiekit::server {

// Our error as the administration service answers it: invalid_input and limit → InvalidArgument,
// not_found → NotFound, refused → PermissionDenied, the rest → Internal. The text is the error's.
grpc::Status to_status(const Error& error);

// FailedPrecondition with the detail by which agents know that there is simply nothing to do.
grpc::Status no_action_available(const std::string& agent_id);

}  // namespace osiekit::server
