#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>

#include "lib/base/log.hpp"
#include "server/rpc/wait_hub.hpp"
#include "server/store/log_store.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

// osiekit.v1.LogService (proto/logs.proto). All arguments must outlive the service.
std::unique_ptr<grpc::Service> make_log_service(Engine& engine, LogStore& logs, WaitHub& hub,
                                                const Logger& log);

}  // namespace osiekit::server
