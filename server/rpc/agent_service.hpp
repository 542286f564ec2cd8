#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <chrono>
#include <memory>

#include "lib/base/log.hpp"
#include "server/rpc/wait_hub.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

// /proto.WorkflowService/{GetAction, ReportActionStatus} of current Tinkerbell agents
// (tinkerbell.md 1.4.2, traps 2 to 5). GetAction is held for up to `hold` while there is nothing
// to do. All arguments must outlive the service.
std::unique_ptr<grpc::Service> make_agent_service(Engine& engine, WaitHub& hub, const Logger& log,
                                                  std::chrono::milliseconds hold);

}  // namespace osiekit::server
