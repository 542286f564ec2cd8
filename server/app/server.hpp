#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "server/app/settings.hpp"

namespace osiekit::server {

// The whole server: store, engine, gRPC and, unless switched off, netboot. Runs on threads of its
// own between start() and the destructor.
class OsieServer {
  public:
    // Everything listens when this returns. On failure nothing is left running.
    static Result<std::unique_ptr<OsieServer>> start(const Settings& settings, Logger log);
    ~OsieServer();
    OsieServer(const OsieServer&) = delete;
    OsieServer& operator=(const OsieServer&) = delete;

    std::uint16_t grpc_port() const;
    // "gRPC on 0.0.0.0:42113, HTTP on 192.0.2.1:7080, …"
    std::string listeners() const;

  private:
    struct Parts;
    explicit OsieServer(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace osiekit::server
