#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "fixtures.hpp"
#include "server/rpc/grpc_server.hpp"

namespace osiekit::server::test {

// The server's services on a free port of loopback, and a channel to them.
struct Wire : Rig {
    Logger log{Logger::Options{LogLevel::error, false, true, 2}};
    std::unique_ptr<LogStore> logs = LogStore::open(folder / "logs.db").value();
    std::unique_ptr<GrpcServer> server;
    std::shared_ptr<grpc::Channel> channel;

    explicit Wire(std::chrono::milliseconds hold = std::chrono::minutes(5)) {
        server = GrpcServer::start({"127.0.0.1", 0, hold}, engine, *logs, log).value();
        channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()),
                                      grpc::InsecureChannelCredentials());
    }
};

}  // namespace osiekit::server::test
