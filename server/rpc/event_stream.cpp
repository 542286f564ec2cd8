#include "server/rpc/event_stream.hpp"

#include <deque>

#include "server/rpc/convert.hpp"
#include "server/rpc/status.hpp"

namespace osiekit::server {
namespace {

constexpr std::size_t batch = 256;

class EventStream : public grpc::ServerWriteReactor<osiekit::v1::Event>,
                    public Waiting,
                    public std::enable_shared_from_this<EventStream> {
  public:
    EventStream(Engine& engine, WaitHub& hub, EventFilter filter, bool follow)
        : engine_(engine), hub_(hub), filter_(std::move(filter)), follow_(follow) {}

    void begin() {
        self_ = shared_from_this();
        if (follow_ && !hub_.add(self_, std::chrono::milliseconds(0)))
            stopping();
        else
            pump();
    }

    void changed(const Change& change) override {
        if (!change.only_logs) pump();
    }
    void stopping() override {
        finish({grpc::StatusCode::UNAVAILABLE, "the server is shutting down"});
    }
    void OnCancel() override { finish({grpc::StatusCode::CANCELLED, "the client left"}); }
    void OnWriteDone(bool ok) override {
        {
            std::lock_guard lock(mutex_);
            writing_ = false;
        }
        if (ok)
            pump();
        else
            finish({grpc::StatusCode::CANCELLED, "the client left"});
    }
    void OnDone() override {
        hub_.remove(this);
        std::shared_ptr<EventStream> last = std::move(self_);
    }

  private:
    // Writes the next event if none is being written. gRPC may call back from within StartWrite and
    // Finish, so both are called without the lock.
    void pump() {
        bool over = false;
        {
            std::lock_guard lock(mutex_);
            if (writing_ || finished_) return;
            if (queue_.empty()) over = !fetch();
            if (!over && queue_.empty()) return;
            if (over) {
                finished_ = true;
            } else {
                current_ = to_message(queue_.front());
                queue_.pop_front();
                writing_ = true;
            }
        }
        if (over)
            Finish(status_);
        else
            StartWrite(&current_);
    }

    // False if the stream is to end.
    bool fetch() {
        auto session = engine_.store().read();
        auto found =
            session ? session->events(filter_, batch) : Result<std::vector<Event>>(session.error());
        if (!found) {
            status_ = to_status(found.error());
            return false;
        }
        for (auto& event : *found) queue_.push_back(std::move(event));
        if (!queue_.empty()) filter_.from_sequence = queue_.back().sequence + 1;
        return follow_ || !queue_.empty();
    }

    void finish(const grpc::Status& status) {
        {
            std::lock_guard lock(mutex_);
            if (std::exchange(finished_, true)) return;
        }
        Finish(status);
    }

    Engine& engine_;
    WaitHub& hub_;
    EventFilter filter_;
    const bool follow_;
    std::mutex mutex_;
    std::deque<Event> queue_;
    osiekit::v1::Event current_;
    bool writing_ = false;
    bool finished_ = false;
    grpc::Status status_;
    std::shared_ptr<EventStream> self_;
};

}  // namespace

grpc::ServerWriteReactor<osiekit::v1::Event>* stream_events(Engine& engine, WaitHub& hub,
                                                            EventFilter filter, bool follow) {
    auto stream = std::make_shared<EventStream>(engine, hub, std::move(filter), follow);
    auto* reactor = stream.get();
    stream->begin();
    return reactor;
}

}  // namespace osiekit::server
