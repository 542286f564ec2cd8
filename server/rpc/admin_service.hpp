#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>

#include "server/rpc/wait_hub.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

// osiekit.v1.AdminService (proto/admin.proto). Both arguments must outlive the service.
std::unique_ptr<grpc::Service> make_admin_service(Engine& engine, WaitHub& hub);

}  // namespace osiekit::server
