#include "server/rpc/log_reader.hpp"

#include <mutex>

#include "lib/base/text.hpp"
#include "server/rpc/convert.hpp"
#include "server/rpc/status.hpp"

namespace osiekit::server {
namespace {

namespace v1 = osiekit::v1;

v1::LogRecord to_message(const LogRecord& record) {
    v1::LogRecord message;
    message.set_sequence(record.sequence);
    message.set_action_id(record.of.action_id);
    message.set_action_name(as_utf8(record.of.action_name));
    message.set_run(as_utf8(record.of.run));
    message.set_first_line(record.first_line);
    for (const LogLine& line : record.lines) {
        auto* out = message.add_lines();
        out->set_time_us(line.time_us);
        out->set_error(line.error);
        out->set_text(line.text);
    }
    return message;
}

class LogReader : public grpc::ServerWriteReactor<v1::LogRecord>,
                  public Waiting,
                  public std::enable_shared_from_this<LogReader> {
  public:
    LogReader(Engine& engine, LogStore& logs, WaitHub& hub, const v1::ReadLogsRequest& request)
        : engine_(engine),
          logs_(logs),
          hub_(hub),
          workflow_id_(request.workflow_id()),
          action_(request.action()),
          from_(request.from_sequence()),
          follow_(request.follow()) {}

    void begin() {
        self_ = shared_from_this();
        if (auto known = find_action(); !known) {
            finish(to_status(known.error()));
            return;
        }
        if (follow_ && !hub_.add(self_, std::chrono::milliseconds(0)))
            stopping();
        else
            pump();
    }

    void changed(const Change& change) override {
        if (!change.only_logs || change.logs.contains(workflow_id_)) pump();
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
        std::shared_ptr<LogReader> last = std::move(self_);
    }

  private:
    Result<Workflow> workflow() {
        OSIEKIT_ASSIGN(Session session, engine_.store().read());
        OSIEKIT_ASSIGN(auto found, session.workflow(workflow_id_));
        if (found) return *std::move(found);
        return Error(ErrorKind::not_found,
                     "there is no workflow \"" + printable(workflow_id_, 60) + "\"");
    }

    // Turns a name into its id. Of two actions with one name the id tells which is meant.
    Status find_action() {
        OSIEKIT_ASSIGN(auto whole, workflow());
        if (action_.empty()) return {};
        std::vector<std::string> names;
        for (const Action& action : whole.actions) {
            if (action.id == action_) return {};
            names.push_back(action.name);
        }
        for (const Action& action : whole.actions) {
            if (action.name != action_) continue;
            action_ = action.id;
            return {};
        }
        return Error(ErrorKind::not_found,
                     "the workflow has no action \"" + printable(action_, 60) + "\"")
            .hint("its actions: " + printable(join(names, ", ")));
    }

    // Writes the next record if none is being written; see EventStream.
    void pump() {
        bool over = false;
        {
            std::lock_guard lock(mutex_);
            if (writing_ || finished_) return;
            auto more = fetch();
            if (!more) status_ = to_status(more.error());
            if (more && *more == Next::wait) return;
            over = !more || *more == Next::end;
            finished_ = over;
            writing_ = !over;
        }
        if (over)
            Finish(status_);
        else
            StartWrite(&current_);
    }

    enum class Next { record, wait, end };
    Result<Next> fetch() {
        // Looked at first: an agent's output is here before its report is, so that what is not
        // here when the workflow has ended does not come.
        bool ended = !follow_;
        if (!ended) {
            OSIEKIT_ASSIGN(auto whole, workflow());
            ended = is_final(whole.state);
        }
        OSIEKIT_ASSIGN(auto record, logs_.next_record(workflow_id_, action_, from_));
        if (!record) return ended ? Next::end : Next::wait;
        from_ = record->sequence + 1;
        current_ = to_message(*record);
        return Next::record;
    }

    void finish(const grpc::Status& status) {
        {
            std::lock_guard lock(mutex_);
            if (std::exchange(finished_, true)) return;
        }
        Finish(status);
    }

    Engine& engine_;
    LogStore& logs_;
    WaitHub& hub_;
    const std::string workflow_id_;
    std::string action_;
    std::uint64_t from_;
    const bool follow_;
    std::mutex mutex_;
    v1::LogRecord current_;
    bool writing_ = false;
    bool finished_ = false;
    grpc::Status status_;
    std::shared_ptr<LogReader> self_;
};

}  // namespace

grpc::ServerWriteReactor<v1::LogRecord>* read_logs(Engine& engine, LogStore& logs, WaitHub& hub,
                                                   const v1::ReadLogsRequest& request) {
    auto reader = std::make_shared<LogReader>(engine, logs, hub, request);
    auto* reactor = reader.get();
    reader->begin();
    return reactor;
}

}  // namespace osiekit::server
