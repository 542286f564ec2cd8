#include "server/rpc/log_receiver.hpp"

#include <mutex>

#include "lib/base/text.hpp"
#include "server/rpc/status.hpp"

namespace osiekit::server {
namespace {

namespace v1 = osiekit::v1;

// Beyond it line numbers would not fit into the store.
constexpr std::uint64_t max_line_number = 1ULL << 62U;

class LogReceiver : public LogReceiverReactor,
                    public Waiting,
                    public std::enable_shared_from_this<LogReceiver> {
  public:
    LogReceiver(Engine& engine, LogStore& logs, WaitHub& hub, const Logger& log)
        : engine_(engine), logs_(logs), hub_(hub), log_(log) {}

    void begin() {
        self_ = shared_from_this();
        if (hub_.add(self_, std::chrono::milliseconds(0)))
            read();
        else
            stopping();
    }

    void changed(const Change&) override {}
    void stopping() override {
        finish({grpc::StatusCode::UNAVAILABLE, "the server is shutting down"});
    }
    void OnReadDone(bool ok) override {
        if (!ok) {
            finish(grpc::Status::OK);
            return;
        }
        auto next = take();
        if (!next) return refuse(next.error());
        progress_.set_next_line(*next);
        std::lock_guard lock(mutex_);
        if (!finished_) StartWrite(&progress_);
    }
    void OnWriteDone(bool ok) override {
        if (ok)
            read();
        else
            finish({grpc::StatusCode::CANCELLED, "the agent left"});
    }
    void OnCancel() override { finish({grpc::StatusCode::CANCELLED, "the agent left"}); }
    void OnDone() override {
        hub_.remove(this);
        std::shared_ptr<LogReceiver> last = std::move(self_);
    }

  private:
    // Only one message is under way at a time, so the members need no lock.
    Result<std::uint64_t> take() {
        if (!run_) {
            OSIEKIT_ASSIGN(run_, run_of(engine_.store(), batch_));
            agent_ = batch_.agent_id();
        }
        OSIEKIT_ASSIGN(auto lines, lines_of(batch_));
        if (lines.empty()) return logs_.next_line(*run_);
        OSIEKIT_ASSIGN(auto next, logs_.append(*run_, batch_.first_line(), std::move(lines)));
        Change change;
        change.only_logs = true;
        change.logs.insert(run_->workflow_id);
        hub_.notify(change);
        return next;
    }

    void refuse(const Error& error) {
        log_.warning("output of an action from agent " +
                     printable(agent_.empty() ? batch_.agent_id() : agent_) +
                     " is not kept: " + error.to_string());
        finish(to_status(error));
    }

    // Nothing may be begun once Finish was called, or while it is; see WriteStream.
    void read() {
        std::lock_guard lock(mutex_);
        if (!finished_) StartRead(&batch_);
    }
    void finish(const grpc::Status& status) {
        std::lock_guard lock(mutex_);
        if (!std::exchange(finished_, true)) Finish(status);
    }

    Engine& engine_;
    LogStore& logs_;
    WaitHub& hub_;
    const Logger& log_;
    v1::LogBatch batch_;
    v1::LogProgress progress_;
    std::optional<LogRun> run_;
    std::string agent_;
    std::recursive_mutex mutex_;
    bool finished_ = false;
    std::shared_ptr<LogReceiver> self_;
};

Status check_id(const char* field, const std::string& id) {
    if (!id.empty() && id.size() <= v1::LOG_LIMIT_ID_BYTES) return {};
    return Error(ErrorKind::invalid_input, std::string(field) + " has to be 1 to " +
                                               std::to_string(v1::LOG_LIMIT_ID_BYTES) +
                                               " bytes long");
}

Error too_much(const std::string& what, int limit) {
    return {ErrorKind::invalid_input,
            what + " than a message of SendLogs may have, " + std::to_string(limit)};
}

}  // namespace

Result<std::vector<LogLine>> lines_of(const v1::LogBatch& batch) {
    if (batch.lines_size() > v1::LOG_LIMIT_LINES)
        return too_much("more lines", v1::LOG_LIMIT_LINES);
    if (batch.first_line() > max_line_number)
        return Error(ErrorKind::invalid_input, "first_line is no line's number");
    std::vector<LogLine> lines;
    std::size_t bytes = 0;
    for (const v1::LogLine& line : batch.lines()) {
        bytes += line.text().size();
        if (line.text().size() > v1::LOG_LIMIT_LINE_BYTES)
            return too_much("a line of more bytes", v1::LOG_LIMIT_LINE_BYTES);
        if (bytes > v1::LOG_LIMIT_BYTES) return too_much("more bytes of text", v1::LOG_LIMIT_BYTES);
        if (line.time_us() < 0 || line.text().find('\n') != std::string::npos)
            return Error(ErrorKind::invalid_input, "a line with a line feed or a negative time");
        lines.push_back({line.time_us(), line.error(), line.text()});
    }
    return lines;
}

Result<LogRun> run_of(Store& store, const v1::LogBatch& first) {
    OSIEKIT_TRY(check_id("agent_id", first.agent_id()));
    OSIEKIT_TRY(check_id("workflow_id", first.workflow_id()));
    OSIEKIT_TRY(check_id("action_id", first.action_id()));
    OSIEKIT_TRY(check_id("run", first.run()));
    OSIEKIT_ASSIGN(Session session, store.read());
    OSIEKIT_ASSIGN(auto workflow, session.workflow(first.workflow_id()));
    if (!workflow)
        return Error(ErrorKind::not_found,
                     "there is no workflow \"" + printable(first.workflow_id()) + "\"");
    OSIEKIT_ASSIGN(auto aliases, session.agent_aliases(first.agent_id()));
    for (const Action& action : workflow->actions) {
        if (action.id != first.action_id()) continue;
        if (!aliases.contains(action.agent_id) || action.offers == 0)
            return Error(ErrorKind::refused, "action \"" + printable(action.name) +
                                                 "\" was not handed to agent \"" +
                                                 printable(first.agent_id()) + "\"");
        return LogRun{workflow->id, action.id, action.name, first.run()};
    }
    return Error(ErrorKind::not_found,
                 "the workflow has no action \"" + printable(first.action_id()) + "\"");
}

LogReceiverReactor* receive_logs(Engine& engine, LogStore& logs, WaitHub& hub, const Logger& log) {
    auto receiver = std::make_shared<LogReceiver>(engine, logs, hub, log);
    auto* reactor = receiver.get();
    receiver->begin();
    return reactor;
}

}  // namespace osiekit::server
