#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "proto/workflow.grpc.pb.h"

// A workflow server on a free loopback port. GetAction and ReportActionStatus call the script;
// everything that was said is kept.
class ScriptedWorkflow final : public proto::WorkflowService::Service {
  public:
    using GetScript = std::function<grpc::Status(int call, proto::ActionResponse&)>;
    using ReportScript = std::function<grpc::Status(int call, const proto::ActionStatusRequest&)>;

    // `beside`: another service of the same server.
    ScriptedWorkflow(GetScript get, ReportScript report, grpc::Service* beside = nullptr)
        : get_(std::move(get)), report_(std::move(report)), beside_(beside) {
        start("127.0.0.1:0");
    }
    ~ScriptedWorkflow() override { stop(); }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    void stop() {
        if (server_) server_->Shutdown(std::chrono::system_clock::now());
        server_.reset();
    }
    void start_again() { start(address()); }

    std::vector<proto::ActionStatusRequest> reports() const {
        std::lock_guard lock(mutex_);
        return reports_;
    }
    std::vector<proto::ActionRequest> questions() const {
        std::lock_guard lock(mutex_);
        return questions_;
    }
    // Waits until `done` holds of the reports; false after 30 s.
    bool wait_for(const std::function<bool(const std::vector<proto::ActionStatusRequest>&)>& done) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(15), [&] { return done(reports_); });
    }

    // Waits until that many questions for an action were asked.
    bool wait_for_question(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(15),
                                 [&] { return questions_.size() >= count; });
    }

    grpc::Status GetAction(grpc::ServerContext*, const proto::ActionRequest* request,
                           proto::ActionResponse* response) override {
        int call = 0;
        {
            std::lock_guard lock(mutex_);
            questions_.push_back(*request);
            call = static_cast<int>(questions_.size());
        }
        changed_.notify_all();
        return get_(call, *response);
    }
    grpc::Status ReportActionStatus(grpc::ServerContext*, const proto::ActionStatusRequest* request,
                                    proto::ActionStatusResponse*) override {
        int call = 0;
        {
            std::lock_guard lock(mutex_);
            call = static_cast<int>(reports_.size()) + 1;
        }
        grpc::Status status = report_(call, *request);
        {
            std::lock_guard lock(mutex_);
            reports_.push_back(*request);
        }
        changed_.notify_all();
        return status;
    }

  private:
    void start(const std::string& address) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
        builder.RegisterService(this);
        if (beside_ != nullptr) builder.RegisterService(beside_);
        server_ = builder.BuildAndStart();
        if (!server_ || port_ == 0) std::abort();
    }

    GetScript get_;
    ReportScript report_;
    grpc::Service* beside_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<proto::ActionStatusRequest> reports_;
    std::vector<proto::ActionRequest> questions_;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

// What Tinkerbell's server says to an idle machine.
inline grpc::Status nothing_to_do() {
    return {grpc::StatusCode::FAILED_PRECONDITION, "nothing to do"};
}
