#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "server/store/log_store.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server {

struct GrpcSettings {
    std::string listen = "0.0.0.0";  // address; IPv6 without brackets
    std::uint16_t port = 42113;      // 0: a free one
    // How long GetAction is held while there is nothing to do; the original's is about a minute.
    std::chrono::milliseconds hold{55'000};
};

// The agent, the administration and the log services on one port, with the clock that ends overdue
// workflows. Takes over the engine's change listener.
class GrpcServer {
  public:
    // Engine, logs and logger must outlive the server.
    static Result<std::unique_ptr<GrpcServer>> start(const GrpcSettings& settings, Engine& engine,
                                                     LogStore& logs, const Logger& log);
    virtual ~GrpcServer() = default;  // stops
    virtual std::uint16_t port() const = 0;
    // Ends held calls and streams with Unavailable, waits for the others for two seconds at most.
    virtual void stop() = 0;
};

}  // namespace osiekit::server
