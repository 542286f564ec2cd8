#include "server/rpc/grpc_server.hpp"

#include <grpcpp/grpcpp.h>

#include "server/rpc/admin_service.hpp"
#include "server/rpc/agent_service.hpp"
#include "server/rpc/log_service.hpp"

namespace osiekit::server {
namespace {

constexpr std::chrono::seconds grace{2};
// A dead machine is noticed after keepalive_ms + keepalive_timeout_ms.
constexpr int keepalive_ms = 30'000;
constexpr int keepalive_timeout_ms = 20'000;
constexpr int least_ping_interval_ms = 5'000;  // what clients may send without being sent away
constexpr int max_message_bytes = 4 << 20;

class Server final : public GrpcServer {
  public:
    Server(Engine& engine, LogStore& logs, const Logger& log)
        : engine_(engine), logs_(logs), log_(log), hub_([this] { every_second(); }) {
        engine_.on_change([this](const Change& change) { hub_.notify(change); });
    }
    ~Server() override {
        stop();
        engine_.on_change({});
    }

    Status listen(const GrpcSettings& settings) {
        agents_ = make_agent_service(engine_, hub_, log_, settings.hold);
        administration_ = make_admin_service(engine_, hub_);
        output_ = make_log_service(engine_, logs_, hub_, log_);
        bool ipv6 = settings.listen.find(':') != std::string::npos;
        std::string address = (ipv6 ? "[" + settings.listen + "]" : settings.listen) + ":" +
                              std::to_string(settings.port);
        grpc::ServerBuilder builder;
        // Two servers on one port would share the agents between them at random.
        builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
        builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
        builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_timeout_ms);
        builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
        builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                                   least_ping_interval_ms);
        builder.SetMaxReceiveMessageSize(max_message_bytes);
        builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
        builder.RegisterService(agents_.get());
        builder.RegisterService(administration_.get());
        builder.RegisterService(output_.get());
        server_ = builder.BuildAndStart();
        if (server_ && port_ != 0) return {};
        return Error(ErrorKind::io, "gRPC cannot listen on " + address)
            .hint("is the port in use, or the address not this machine's?");
    }

    std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }

    void stop() override {
        hub_.stop();
        if (server_) server_->Shutdown(std::chrono::system_clock::now() + grace);
        if (server_) server_->Wait();
        server_.reset();
    }

  private:
    void every_second() {
        if (auto done = engine_.expire_overdue(); !done)
            log_.error("ending overdue workflows: " + done.error().to_string());
    }

    Engine& engine_;
    LogStore& logs_;
    const Logger& log_;
    WaitHub hub_;
    std::unique_ptr<grpc::Service> agents_;
    std::unique_ptr<grpc::Service> administration_;
    std::unique_ptr<grpc::Service> output_;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(const GrpcSettings& settings, Engine& engine,
                                                      LogStore& logs, const Logger& log) {
    auto server = std::make_unique<Server>(engine, logs, log);
    OSIEKIT_TRY(server->listen(settings));
    return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace osiekit::server
