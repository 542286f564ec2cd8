#include "server/rpc/log_reader.hpp"

#include "lib/base/text.hpp"
#include "server/rpc/convert.hpp"
#include "server/rpc/write_stream.hpp"

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

class LogReader : public WriteStream<v1::LogRecord> {
  public:
    LogReader(Engine& engine, LogStore& logs, WaitHub& hub, const v1::ReadLogsRequest& request)
        : WriteStream(hub, request.follow()),
          engine_(engine),
          logs_(logs),
          workflow_id_(request.workflow_id()),
          action_(request.action()),
          from_(request.from_sequence()) {}

  private:
    bool concerns(const Change& change) const override {
        return !change.only_logs || change.logs.contains(workflow_id_);
    }

    Result<Workflow> workflow() {
        OSIEKIT_ASSIGN(Session session, engine_.store().read());
        OSIEKIT_ASSIGN(auto found, session.workflow(workflow_id_));
        if (found) return *std::move(found);
        return Error(ErrorKind::not_found,
                     "there is no workflow \"" + printable(workflow_id_, 60) + "\"");
    }

    // Turns a name into its id. Of two actions with one name the id tells which is meant.
    Status open() override {
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

    Result<Next> next(v1::LogRecord& message) override {
        // Looked at first: an agent's output is here before its report is, so that what is not
        // here when the workflow has ended does not come.
        bool ended = !follow();
        if (!ended) {
            OSIEKIT_ASSIGN(auto whole, workflow());
            ended = is_final(whole.state);
        }
        OSIEKIT_ASSIGN(auto record, logs_.next_record(workflow_id_, action_, from_));
        if (!record) return ended ? Next::end : Next::wait;
        from_ = record->sequence + 1;
        message = to_message(*record);
        return Next::message;
    }

    Engine& engine_;
    LogStore& logs_;
    const std::string workflow_id_;
    std::string action_;
    std::uint64_t from_;
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
