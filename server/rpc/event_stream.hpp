#pragma once

#include <grpcpp/support/server_callback.h>

#include "proto/admin.pb.h"
#include "server/rpc/wait_hub.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

// Streams the events that pass the filter, oldest first; with `follow` it waits for more until the
// client leaves or the server stops. The reactor owns itself.
grpc::ServerWriteReactor<osiekit::v1::Event>* stream_events(Engine& engine, WaitHub& hub,
                                                            EventFilter filter, bool follow);

}  // namespace osiekit::server
