#pragma once

#include <grpcpp/support/server_callback.h>

#include "lib/base/log.hpp"
#include "proto/logs.pb.h"
#include "server/rpc/wait_hub.hpp"
#include "server/store/log_store.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

using LogReceiverReactor = grpc::ServerBidiReactor<osiekit::v1::LogBatch, osiekit::v1::LogProgress>;

// One SendLogs: keeps what an agent says of its action's output. The reactor owns itself.
LogReceiverReactor* receive_logs(Engine& engine, LogStore& logs, WaitHub& hub, const Logger& log);

// The lines of a message within the limits of LogLimit. Errors: invalid_input.
Result<std::vector<LogLine>> lines_of(const osiekit::v1::LogBatch& batch);

// Whose output a stream brings, by its first message. Errors: invalid_input for ids that are none,
// not_found for an action that is not there, refused for one that is another agent's or was never
// handed out.
Result<LogRun> run_of(Store& store, const osiekit::v1::LogBatch& first);

}  // namespace osiekit::server
