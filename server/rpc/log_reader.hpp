#pragma once

#include <grpcpp/support/server_callback.h>

#include "proto/logs.pb.h"
#include "server/rpc/wait_hub.hpp"
#include "server/store/log_store.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

// One ReadLogs: what is kept of a workflow's output and, with `follow`, what comes until the
// workflow has ended. The reactor owns itself.
grpc::ServerWriteReactor<osiekit::v1::LogRecord>* read_logs(
    Engine& engine, LogStore& logs, WaitHub& hub, const osiekit::v1::ReadLogsRequest& request);

}  // namespace osiekit::server
