#pragma once

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

#include "lib/base/result.hpp"
#include "server/rpc/status.hpp"
#include "server/rpc/wait_hub.hpp"

namespace osiekit::server {

// A call that answers with messages, one after another, and with `follow` waits at the hub for
// more. It lives until gRPC is done with it; begin() is called on a shared_ptr.
//
// gRPC forbids to start a write once Finish was called, or while it is, and both may be called from
// several threads here; it may also call back from within. So both are called under a lock that one
// thread may take again. Whoever calls holds a reference, so the lock outlives the call.
template <typename Message>
class WriteStream : public grpc::ServerWriteReactor<Message>,
                    public Waiting,
                    public std::enable_shared_from_this<WriteStream<Message>> {
  public:
    WriteStream(WaitHub& hub, bool follow) : hub_(hub), follow_(follow) {}

    void begin() {
        self_ = this->shared_from_this();
        if (auto opened = open(); !opened)
            finish(to_status(opened.error()));
        else if (follow_ && !hub_.add(self_, std::chrono::milliseconds(0)))
            stopping();
        else
            pump();
    }

    void changed(const Change& change) final {
        if (concerns(change)) pump();
    }
    void stopping() final {
        finish({grpc::StatusCode::UNAVAILABLE, "the server is shutting down"});
    }
    void OnCancel() final { finish(left()); }
    void OnWriteDone(bool ok) final {
        {
            std::lock_guard lock(mutex_);
            writing_ = false;
        }
        if (ok)
            pump();
        else
            finish(left());
    }
    void OnDone() final {
        hub_.remove(this);
        std::shared_ptr<WriteStream> last = std::move(self_);
    }

  protected:
    enum class Next { message, wait, end };
    bool follow() const { return follow_; }

  private:
    // Before anything else; a failure is the call's.
    virtual Status open() { return {}; }
    // Called under the lock.
    virtual Result<Next> next(Message& message) = 0;
    virtual bool concerns(const Change& change) const = 0;

    static grpc::Status left() { return {grpc::StatusCode::CANCELLED, "the client left"}; }

    // Writes the next message if none is being written.
    void pump() {
        std::lock_guard lock(mutex_);
        if (writing_ || finished_) return;
        auto more = next(current_);
        if (!more) return finish(to_status(more.error()));
        if (*more == Next::end) return finish(grpc::Status::OK);
        if (*more == Next::wait) return;
        writing_ = true;
        this->StartWrite(&current_);
    }

    void finish(const grpc::Status& status) {
        std::lock_guard lock(mutex_);
        if (!std::exchange(finished_, true)) this->Finish(status);
    }

    WaitHub& hub_;
    const bool follow_;
    std::recursive_mutex mutex_;
    Message current_;
    bool writing_ = false;
    bool finished_ = false;
    std::shared_ptr<WriteStream> self_;
};

}  // namespace osiekit::server
