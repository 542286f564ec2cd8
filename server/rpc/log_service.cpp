#include "server/rpc/log_service.hpp"

#include "proto/logs.grpc.pb.h"
#include "server/rpc/log_reader.hpp"
#include "server/rpc/log_receiver.hpp"

namespace osiekit::server {
namespace {

namespace v1 = osiekit::v1;

class LogService final : public v1::LogService::CallbackService {
  public:
    LogService(Engine& engine, LogStore& logs, WaitHub& hub, const Logger& log)
        : engine_(engine), logs_(logs), hub_(hub), log_(log) {}

    LogReceiverReactor* SendLogs(grpc::CallbackServerContext*) override {
        return receive_logs(engine_, logs_, hub_, log_);
    }
    grpc::ServerWriteReactor<v1::LogRecord>* ReadLogs(grpc::CallbackServerContext*,
                                                      const v1::ReadLogsRequest* request) override {
        return read_logs(engine_, logs_, hub_, *request);
    }

  private:
    Engine& engine_;
    LogStore& logs_;
    WaitHub& hub_;
    const Logger& log_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_log_service(Engine& engine, LogStore& logs, WaitHub& hub,
                                                const Logger& log) {
    return std::make_unique<LogService>(engine, logs, hub, log);
}

}  // namespace osiekit::server
