#include "agent/log_stream.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include "agent/line_splitter.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr const char* method = "/osiekit.v1.LogService/SendLogs";

// A piece of the spool always is a message that the server takes: its shortest line has a time, a
// stream, a tag, one byte and an end.
constexpr std::size_t shortest_line = 27 + 10 + 1 + 1;
static_assert(SpoolReader::max_chunk_bytes <= v1::LOG_LIMIT_BYTES);
static_assert(SpoolReader::max_chunk_bytes / shortest_line <= v1::LOG_LIMIT_LINES);
static_assert(LineSplitter::max_line_bytes <= v1::LOG_LIMIT_LINE_BYTES);

// Another try would go the same way.
bool permanent(rpc::StatusCode code) {
    using rpc::StatusCode;
    return code == StatusCode::not_found || code == StatusCode::permission_denied ||
           code == StatusCode::invalid_argument || code == StatusCode::unauthenticated ||
           code == StatusCode::failed_precondition;
}

}  // namespace

std::int64_t line_time_us(std::string_view text) {
    constexpr std::string_view shape = "0000-00-00T00:00:00.000000Z";
    if (text.size() != shape.size()) return 0;
    std::int64_t numbers[7] = {};
    std::size_t part = 0;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (digit != (shape[i] == '0') || (!digit && text[i] != shape[i])) return 0;
        if (digit)
            numbers[part] = numbers[part] * 10 + (text[i] - '0');
        else
            ++part;
    }
    std::tm time{};
    time.tm_year = static_cast<int>(numbers[0]) - 1900;
    time.tm_mon = static_cast<int>(numbers[1]) - 1;
    time.tm_mday = static_cast<int>(numbers[2]);
    time.tm_hour = static_cast<int>(numbers[3]);
    time.tm_min = static_cast<int>(numbers[4]);
    time.tm_sec = static_cast<int>(numbers[5]);
    return std::max<std::int64_t>(::timegm(&time) * 1000000 + numbers[6], 0);
}

LogStream::LogStream(rpc::Channel& channel, std::string agent_id, const Logger& log, Timing timing)
    : channel_(channel), agent_id_(std::move(agent_id)), log_(log), timing_(timing) {
    thread_ = std::thread([this] { work(); });
}

LogStream::~LogStream() {
    leave();
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void LogStream::begin(const JournalEntry& action, const std::filesystem::path& directory) {
    leave();
    auto run = read_file(directory / "run", v1::LOG_LIMIT_ID_BYTES);
    std::lock_guard lock(mutex_);
    if (unknown_ || !run) return;
    job_ = Job{action, directory, *run};
    complete_ = hurry_ = abandoned_ = false;
    changed_.notify_all();
}

void LogStream::poke() {
    std::lock_guard lock(mutex_);
    if (!job_) return;
    ++pokes_;
    changed_.notify_all();
}

void LogStream::complete() {
    std::lock_guard lock(mutex_);
    if (!job_) return;
    complete_ = hurry_ = true;
    ++pokes_;
    changed_.notify_all();
}

void LogStream::end() {
    complete();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timing_.last_moment, [this] { return !job_; });
}

void LogStream::leave() {
    end();
    std::unique_lock lock(mutex_);
    if (!job_) return;
    abandoned_ = true;
    if (call_ != nullptr) call_->cancel();
    changed_.notify_all();
    changed_.wait(lock, [this] { return !job_; });
}

void LogStream::work() {
    for (;;) {
        std::optional<Job> job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return job_ || ending_; });
            if (!job_) return;
            job = job_;
        }
        carry(*job);
        std::lock_guard lock(mutex_);
        job_.reset();
        changed_.notify_all();
    }
}

void LogStream::carry(const Job& job) {
    SpoolReader spool(job.directory / "output", {});
    acknowledged_ = lost_ = 0;
    trouble_.clear();
    auto length = timing_.first_pause;
    for (;;) {
        std::uint64_t before = acknowledged_;
        Talk talk = converse(job, spool);
        if (talk == Talk::given_up) lost_ += left_behind(spool);
        if (talk != Talk::again) break;
        if (acknowledged_ > before) length = timing_.first_pause;
        pause(length);
        length = std::min(length * 2, timing_.longest_pause);
    }
    {
        std::lock_guard lock(mutex_);
        if (unknown_) return;
    }
    if (lost_ > 0)
        log_.warning(std::to_string(lost_) + " lines of the output of \"" +
                     printable(job.action.action_name) + "\" have not reached the server");
}

void LogStream::pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return hurry_ || abandoned_; });
    hurry_ = false;
}

LogStream::Talk LogStream::converse(const Job& job, SpoolReader& spool) {
    rpc::CallOptions options;
    options.survives_shut_down = true;
    rpc::Call call = channel_.start(method, options);
    {
        std::lock_guard lock(mutex_);
        if (abandoned_) return Talk::given_up;
        call_ = &call;
    }
    Talk result = send_output(call, job, spool);
    std::lock_guard lock(mutex_);
    call_ = nullptr;
    return result;
}

std::optional<std::uint64_t> LogStream::exchange(rpc::Call& call, const v1::LogBatch& batch) const {
    if (!call.write(batch.SerializeAsString())) return std::nullopt;
    auto answer = call.read();
    v1::LogProgress progress;
    if (!answer) return std::nullopt;
    if (progress.ParseFromString(*answer)) return progress.next_line();
    call.cancel();
    return std::nullopt;
}

LogStream::Talk LogStream::send_output(rpc::Call& call, const Job& job, SpoolReader& spool) {
    v1::LogBatch batch;
    batch.set_agent_id(agent_id_);
    batch.set_workflow_id(job.action.workflow_id);
    batch.set_action_id(job.action.action_id);
    batch.set_run(job.run);
    auto next = exchange(call, batch);
    if (!next) return after(call.finish(), job);
    acknowledged_ = *next;
    spool.go_to(*next);
    std::uint64_t gap = 0;
    SpoolReader::Listener listener;
    listener.on_gap = [&gap](std::uint64_t lines) { gap += lines; };
    listener.on_line = [&batch](const OutputLine& line) {
        auto* out = batch.add_lines();
        out->set_time_us(line_time_us(line.time));
        out->set_error(line.error);
        out->set_text(line.text.data(), line.text.size());
    };
    for (;;) {
        bool complete = false;
        std::uint64_t seen = 0;
        {
            std::lock_guard lock(mutex_);
            complete = complete_;
            seen = pokes_;
        }
        batch.Clear();
        bool any = spool.read_chunk(listener);
        if (batch.lines_size() > 0) {
            batch.set_first_line(spool.next_line() -
                                 static_cast<std::uint64_t>(batch.lines_size()));
            next = exchange(call, batch);
            // A server that wants other lines than those after these ones has lost its place.
            if (next && *next != spool.next_line()) return Talk::again;
            if (!next) return after(call.finish(), job);
            acknowledged_ = *next;
            lost_ += std::exchange(gap, 0);
        } else if (!any && complete) {
            call.close_writes();
            static_cast<void>(call.finish().ok());  // it has everything, whatever it says now
            lost_ += gap;
            return Talk::done;
        } else if (!any) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return pokes_ != seen || abandoned_; });
            if (abandoned_) return Talk::given_up;
        }
    }
}

LogStream::Talk LogStream::after(const rpc::RpcStatus& status, const Job& job) {
    std::string name = "\"" + printable(job.action.action_name) + "\"";
    if (status.code == rpc::StatusCode::unimplemented) {
        log_.debug("the server keeps no output of actions");
        std::lock_guard lock(mutex_);
        unknown_ = true;
        return Talk::given_up;
    }
    if (status.code == rpc::StatusCode::cancelled) {
        std::lock_guard lock(mutex_);
        if (abandoned_) return Talk::given_up;  // our own doing; else the server is stopping
    }
    if (permanent(status.code)) {
        log_.warning("the server does not take the output of " + name + ": " +
                     printable(status.message));
        return Talk::given_up;
    }
    if (status.message != trouble_)
        log_.info("the output of " + name + " waits for the server: " + printable(status.message));
    trouble_ = status.message;
    return Talk::again;
}

// Lines that were not acknowledged.
std::uint64_t LogStream::left_behind(SpoolReader& spool) const {
    std::uint64_t rest = 0;
    SpoolReader::Listener count;
    count.on_line = [&rest](const OutputLine&) { ++rest; };
    count.on_gap = [&rest](std::uint64_t lines) { rest += lines; };
    spool.go_to(acknowledged_);
    while (spool.read_chunk(count)) {
    }
    return rest;
}

}  // namespace osiekit::agent
