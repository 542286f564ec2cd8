#pragma once

#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proto/logs.grpc.pb.h"

// Keeps lines as osie-server does. `fault` is asked before each message of lines is taken and
// after.
class Keeper final : public osiekit::v1::LogService::Service {
  public:
    enum class When { before, after };
    std::function<bool(When)> fault = [](When) { return false; };
    grpc::Status fault_status{grpc::StatusCode::UNAVAILABLE, "fault"};
    grpc::Status refusal;  // of every stream, unless it is OK

    enum class Server { own, none };  // none: another one has this service beside its own
    explicit Keeper(Server server = Server::own) {
        if (server == Server::own) start(0);
    }
    ~Keeper() override { stop(); }
    void start(int port) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:" + std::to_string(port),
                                 grpc::InsecureServerCredentials(), &port_);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
        REQUIRE((server_ && port_ != 0));
    }
    void stop() {
        if (server_) server_->Shutdown(std::chrono::system_clock::now());
        server_.reset();
    }
    int port() const { return port_; }
    std::vector<std::string> lines(const std::string& run) {
        std::lock_guard lock(mutex_);
        return lines_[run];
    }
    // Of the run that the last stream was about.
    std::vector<std::string> last_lines() {
        std::lock_guard lock(mutex_);
        return lines_[hello_.run()];
    }
    std::uint64_t first_line(const std::string& run) {
        std::lock_guard lock(mutex_);
        return first_[run];
    }
    int streams() {
        std::lock_guard lock(mutex_);
        return streams_;
    }
    osiekit::v1::LogBatch hello() {
        std::lock_guard lock(mutex_);
        return hello_;
    }

    grpc::Status SendLogs(grpc::ServerContext*,
                          grpc::ServerReaderWriter<osiekit::v1::LogProgress, osiekit::v1::LogBatch>*
                              stream) override {
        osiekit::v1::LogBatch batch;
        std::string run;
        {
            std::lock_guard lock(mutex_);
            ++streams_;
        }
        while (stream->Read(&batch)) {
            if (!refusal.ok()) return refusal;
            bool first = run.empty();
            if (first) run = batch.run();
            if (!first && fault(When::before)) return fault_status;
            osiekit::v1::LogProgress progress;
            progress.set_next_line(take(run, batch, first));
            if (!first && fault(When::after)) return fault_status;
            if (!stream->Write(progress)) break;
        }
        return grpc::Status::OK;
    }

  private:
    std::uint64_t take(const std::string& run, const osiekit::v1::LogBatch& batch, bool first) {
        std::lock_guard lock(mutex_);
        if (first) hello_ = batch;
        auto& kept = lines_[run];
        std::uint64_t number = batch.first_line();
        if (kept.empty() && batch.lines_size() > 0) first_[run] = number;
        for (const auto& line : batch.lines())
            if (number++ == first_[run] + kept.size()) kept.push_back(line.text());
        return kept.empty() ? 0 : first_[run] + kept.size();
    }

    std::mutex mutex_;
    std::map<std::string, std::vector<std::string>> lines_;
    std::map<std::string, std::uint64_t> first_;
    osiekit::v1::LogBatch hello_;
    int streams_ = 0;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};
