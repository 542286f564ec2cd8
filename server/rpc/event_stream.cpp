#include "server/rpc/event_stream.hpp"

#include <deque>

#include "server/rpc/convert.hpp"
#include "server/rpc/write_stream.hpp"

namespace osiekit::server {
namespace {

constexpr std::size_t batch = 256;

class EventStream : public WriteStream<osiekit::v1::Event> {
  public:
    EventStream(Engine& engine, WaitHub& hub, EventFilter filter, bool follow)
        : WriteStream(hub, follow), engine_(engine), filter_(std::move(filter)) {}

  private:
    bool concerns(const Change& change) const override { return !change.only_logs; }

    Result<Next> next(osiekit::v1::Event& message) override {
        if (queue_.empty()) OSIEKIT_TRY(fetch());
        if (queue_.empty()) return follow() ? Next::wait : Next::end;
        message = to_message(queue_.front());
        queue_.pop_front();
        return Next::message;
    }

    Status fetch() {
        OSIEKIT_ASSIGN(Session session, engine_.store().read());
        OSIEKIT_ASSIGN(auto found, session.events(filter_, batch));
        for (auto& event : found) queue_.push_back(std::move(event));
        if (!queue_.empty()) filter_.from_sequence = queue_.back().sequence + 1;
        return {};
    }

    Engine& engine_;
    EventFilter filter_;
    std::deque<Event> queue_;
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
