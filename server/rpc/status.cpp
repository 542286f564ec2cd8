#include "server/rpc/status.hpp"

#include "proto/rpc_status.pb.h"

namespace osiekit::server {

grpc::Status to_status(const Error& error) {
    switch (error.kind()) {
        case ErrorKind::invalid_input:
        case ErrorKind::limit:
            return {grpc::StatusCode::INVALID_ARGUMENT, error.to_string()};
        case ErrorKind::not_found:
            return {grpc::StatusCode::NOT_FOUND, error.to_string()};
        case ErrorKind::refused:
            return {grpc::StatusCode::PERMISSION_DENIED, error.to_string()};
        case ErrorKind::cancelled:
            return {grpc::StatusCode::UNAVAILABLE, error.to_string()};
        default:
            return {grpc::StatusCode::INTERNAL, error.to_string()};
    }
}

grpc::Status no_action_available(const std::string& agent_id) {
    const std::string text = "no action available";
    google::rpc::PreconditionFailure failure;
    auto* violation = failure.add_violations();
    violation->set_type("PRECONDITION_FAILURE_VIOLATION_NO_ACTION_AVAILABLE");
    violation->set_subject(agent_id);
    violation->set_description(text);
    google::rpc::Status status;
    status.set_code(grpc::StatusCode::FAILED_PRECONDITION);
    status.set_message(text);
    status.add_details()->PackFrom(failure);
    return {grpc::StatusCode::FAILED_PRECONDITION, text, status.SerializeAsString()};
}

}  // namespace osiekit::server
