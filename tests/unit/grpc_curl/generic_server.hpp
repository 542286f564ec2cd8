#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// A server made with Debian's gRPC whose messages are any bytes. Methods:
//   /t/Echo        the message back; metadata and deadline are kept for the test
//   /t/Repeat      "COUNT SIZE": so many messages of that size
//   /t/Collect     takes messages until the client is done, answers with the sum of their sizes
//   /t/Early       answers after the first message, without waiting for the rest
//   /t/Hold        nothing until the client gives up; held() and gave_up() count
//   /t/Fail        "CODE": ends with this code, a message with odd bytes, and details
// Anything else is unimplemented, as gRPC says it.
class GenericServer {
  public:
    explicit GenericServer(
        std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials(),
        const std::string& address = "127.0.0.1:0")
        : service_(*this) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort(address, credentials, &port_);
        builder.SetMaxReceiveMessageSize(64 << 20);
        builder.RegisterCallbackGenericService(&service_);
        server_ = builder.BuildAndStart();
        if (!server_ || port_ == 0) std::abort();
    }
    ~GenericServer() {
        if (server_) server_->Shutdown(std::chrono::system_clock::now());
    }
    int port() const { return port_; }
    std::string target() const { return "localhost:" + std::to_string(port_); }
    void wait_for_held(int count) { wait(held_, count); }
    void wait_for_given_up(int count) { wait(gave_up_, count); }
    std::map<std::string, std::string> last_metadata() {
        std::lock_guard lock(mutex_);
        return metadata_;
    }
    std::string last_peer() {
        std::lock_guard lock(mutex_);
        return peer_;
    }

  private:
    static std::string text(const grpc::ByteBuffer& buffer) {
        std::vector<grpc::Slice> slices;
        buffer.Dump(&slices);
        std::string all;
        for (const auto& slice : slices)
            all.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
        return all;
    }

    class Reactor : public grpc::ServerGenericBidiReactor {
      public:
        Reactor(GenericServer& server, grpc::GenericCallbackServerContext* context)
            : server_(server), method_(context->method()) {
            std::lock_guard lock(server.mutex_);
            server.metadata_.clear();
            for (const auto& [name, value] : context->client_metadata())
                server.metadata_[{name.data(), name.size()}] = {value.data(), value.size()};
            server.peer_ = context->peer();
            context_ = context;
            StartRead(&in_);
        }
        void OnReadDone(bool ok) override {
            if (method_ == "/t/Collect") {
                if (ok) {
                    total_ += text(in_).size();
                    StartRead(&in_);
                } else {
                    answer(std::to_string(total_));
                }
            } else if (!ok) {
                end({grpc::StatusCode::INVALID_ARGUMENT, "no message"});
            } else if (method_ == "/t/Echo" || method_ == "/t/Early") {
                answer(text(in_));
            } else if (method_ == "/t/Repeat") {
                std::string wish = text(in_);
                std::size_t blank = wish.find(' ');
                left_ = std::stoul(wish.substr(0, blank));
                size_ = std::stoul(wish.substr(blank + 1));
                OnWriteDone(true);
            } else if (method_ == "/t/Fail") {
                end({static_cast<grpc::StatusCode>(std::stoi(text(in_))), "100% caf\xc3\xa9\nno",
                     std::string("det\0ails", 8)});
            } else if (method_ == "/t/Hold") {
                server_.count(server_.held_);
            } else {
                end({grpc::StatusCode::UNIMPLEMENTED, "there is no such method"});
            }
        }
        void OnWriteDone(bool ok) override {
            if (!ok) return;
            if (left_ == 0) {
                end(grpc::Status::OK);
                return;
            }
            --left_;
            write(std::string(size_, 'x'));
        }
        void OnCancel() override {
            server_.count(server_.gave_up_);
            end({grpc::StatusCode::CANCELLED, ""});
        }
        void OnDone() override { delete this; }

      private:
        void write(const std::string& bytes) {
            grpc::Slice slice(bytes);
            out_ = grpc::ByteBuffer(&slice, 1);
            StartWrite(&out_);
        }
        void answer(const std::string& bytes) {
            left_ = 0;
            write(bytes);
        }
        void end(const grpc::Status& status) {
            if (ended_.exchange(true)) return;
            Finish(status);
        }
        GenericServer& server_;
        std::string method_;
        grpc::GenericCallbackServerContext* context_ = nullptr;
        grpc::ByteBuffer in_;
        grpc::ByteBuffer out_;
        std::size_t total_ = 0;
        std::size_t left_ = 0;
        std::size_t size_ = 0;
        std::atomic<bool> ended_ = false;
    };
    class Service : public grpc::CallbackGenericService {
      public:
        explicit Service(GenericServer& server) : server_(server) {}
        grpc::ServerGenericBidiReactor* CreateReactor(
            grpc::GenericCallbackServerContext* context) override {
            return new Reactor(server_, context);
        }

      private:
        GenericServer& server_;
    };

    void count(int& what) {
        std::lock_guard lock(mutex_);
        ++what;
        changed_.notify_all();
    }
    void wait(int& what, int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return what >= count; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::string> metadata_;
    std::string peer_;
    int held_ = 0;
    int gave_up_ = 0;
    int port_ = 0;
    Service service_;
    std::unique_ptr<grpc::Server> server_;
};
