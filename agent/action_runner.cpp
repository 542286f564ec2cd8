#include "agent/action_runner.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/action_spec.hpp"
#include "agent/line_splitter.hpp"
#include "agent/proof.hpp"
#include "agent/rootfs.hpp"
#include "agent/stop_timing.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/bridge/bridge.hpp"

namespace osiekit::agent {
namespace {

// Failed actions whose output is kept: each may have as much as its spool holds.
constexpr std::size_t kept_failures = 4;

Outcome failed(const std::string& message) {
    Outcome outcome;
    outcome.message = message;
    return outcome;
}

}  // namespace

ActionRunner::ActionRunner(const Settings& settings, const StopSignal& stop, const Logger& log,
                           Policy policy, oci::ImageStore store, std::filesystem::path program,
                           std::unique_ptr<SyslogSender> syslog)
    : settings_(settings),
      stop_(stop),
      log_(log),
      policy_(std::move(policy)),
      store_(std::move(store)),
      program_(std::move(program)),
      syslog_(std::move(syslog)) {}

Result<ActionRunner> ActionRunner::create(const Settings& settings, const StopSignal& stop,
                                          const Logger& log, Policy policy,
                                          std::filesystem::path program) {
    OSIEKIT_ASSIGN(
        auto lock, StoreLock::take(settings.store, StoreLock::Kind::exclusive, [&] {
            log.info("waiting for another program that works in " + settings.store.string());
        }));
    OSIEKIT_ASSIGN(auto store, oci::ImageStore::open(settings.store / "images"));
    for (const char* name : {"actions", "volumes"})
        if (::mkdir((settings.store / name).c_str(), 0700) != 0 && errno != EEXIST)
            return Error::from_errno("making " + (settings.store / name).string());
    std::unique_ptr<SyslogSender> syslog;
    if (!settings.syslog_host.empty()) {
        auto target = parse_syslog_target(settings.syslog_host, settings.syslog_port);
        // A machine is not left uninstalled for the sake of its log.
        if (target)
            syslog = std::make_unique<SyslogSender>(*std::move(target));
        else
            log.warning(target.error().to_string());
    }
    return ActionRunner(settings, stop, log, std::move(policy), std::move(store),
                        std::move(program), std::move(syslog));
}

Result<ActionRunner::Pulled> ActionRunner::pull(const Action& action, const Decision& decision) {
    OSIEKIT_ASSIGN(
        auto lock, StoreLock::take(settings_.store, StoreLock::Kind::exclusive, [this] {
            log_.info("waiting for another program that works in " + settings_.store.string());
        }));
    if (workflow_ != action.workflow_id) {
        // Nothing runs between workflows; the next one may want some of these layers again.
        evict(settings_.store_budget.value_or(store_budget(settings_.store)), store_.next_use());
        workflow_ = action.workflow_id;
    }
    PullParts parts;
    parts.cancelled = [this] { return stop_.requested(); };
    parts.sleep = [this](std::chrono::milliseconds time) { stop_.wait(time); };
    parts.admit = [&decision](const oci::ResolvedImage& image, oci::ImageSource& source) {
        return prove(decision, image, source);
    };
    std::int64_t start = store_.next_use();
    auto stored = pull_image(store_, settings_, action.image, parts, log_);
    // Out of memory, by our count or the file system's: once more without what earlier actions have
    // left.
    bool full = !stored && (stored.error().kind() == ErrorKind::limit ||
                            stored.error().error_number() == ENOSPC);
    if (full && evict(0, start) > 0)
        stored = pull_image(store_, settings_, action.image, parts, log_);
    if (!stored) return std::move(stored).error();
    OSIEKIT_TRY(lock.share());
    return Pulled{*std::move(stored), std::move(lock)};
}

// The caller holds the store exclusively, so no container runs from it. Gives what was freed.
std::uint64_t ActionRunner::evict(std::uint64_t keep_bytes, std::int64_t used_before) {
    auto removed = store_.evict(keep_bytes, used_before);
    if (!removed) {
        log_.warning(removed.error().to_string());
        return 0;
    }
    if (*removed > 0) log_.info("removed " + human_size(*removed) + " of unused image layers");
    return *removed;
}

Outcome ActionRunner::attempt(const Action& action, WallClock::time_point start) {
    auto decision = judge(action);
    if (!decision) return failed(decision.error().to_string());
    auto pulled = pull(action, *decision);
    if (!pulled) return failed(pulled.error().to_string());
    auto deadline = Clock::now() + action.timeout;
    auto rootfs =
        Rootfs::create(pulled->image.layers,
                       settings_.store / "actions" / key_of(action.workflow_id, action.action_id),
                       users_of(*decision));
    if (!rootfs) return failed(rootfs.error().to_string());
    if (!rootfs->note().empty()) log_.warning(rootfs->note());
    auto spec = make_spec({rootfs->directory(), settings_.store / "volumes"}, action, *decision,
                          pulled->image.image.config, log_);
    if (!spec) return failed(spec.error().to_string());
    SupervisorRequest request;
    request.spec = *std::move(spec);
    request.entry.workflow_id = action.workflow_id;
    request.entry.task_id = action.task_id;
    request.entry.action_id = action.action_id;
    request.entry.action_name = action.name;
    request.entry.outcome.start = start;
    request.deadline =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline.time_since_epoch());
    request.timeout = action.timeout;
    request.stop_signal = stop_signal(pulled->image.image.config.stop_signal);
    // Afterwards nobody reads what this action prints until the server has the last one's output.
    if (stream_ != nullptr) stream_->leave();
    auto supervised = SupervisedAction::start(directory_of(request.entry), request, program_);
    if (!supervised) return failed(supervised.error().to_string());
    Outcome outcome = follow(*supervised, request.entry);
    if (decision->keep_failed && !outcome.success() && !stop_.requested())
        keep(*std::move(rootfs), request.entry);
    return outcome;
}

Result<Decision> ActionRunner::judge(const Action& action) const {
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(action.image));
    return decide(policy_, action, reference);
}

// Only one: file systems are large, and in memory.
void ActionRunner::keep(Rootfs rootfs, const JournalEntry& entry) {
    auto place = settings_.store / "failed";
    remove(place);
    auto directory = rootfs.directory();
    rootfs.keep();
    { Rootfs unmounted(std::move(rootfs)); }
    std::error_code failure;
    std::filesystem::rename(directory, place, failure);
    if (failure)
        log_.warning("keeping the file system of the failed action: " + failure.message());
    else
        log_.info("what \"" + printable(entry.action_name) +
                  "\" has changed in its file system is kept in " + (place / "upper").string());
}

Outcome ActionRunner::follow(SupervisedAction& supervised, const JournalEntry& entry) {
    std::string prefix = printable(entry.action_name) + " | ";
    SupervisedAction::Listener listener;
    listener.output.on_line = [&](const OutputLine& line) {
        if (settings_.capture_logs)
            log_.log(line.error ? LogLevel::warning : LogLevel::info,
                     prefix + printable(line.text, LineSplitter::max_line_bytes));
        if (syslog_)
            syslog_->send({line.time, line.error, settings_.id, entry.action_name, line.text});
    };
    listener.output.on_gap = [&](std::uint64_t lines) {
        log_.warning(prefix + "[" + std::to_string(lines) +
                     " lines came faster than they could be logged]");
    };
    listener.on_output = [&] {
        if (stream_ != nullptr) stream_->poke();
    };
    if (stream_ != nullptr) stream_->begin(entry, directory_of(entry));
    auto outcome = supervised.follow(stop_, listener);
    // Before the report, so that whoever follows the output hears all of it. An agent that is
    // stopped makes no report, and waits for the stream when it lets go of it.
    if (stream_ != nullptr) stop_.requested() ? stream_->complete() : stream_->end();
    if (!outcome) return failed(outcome.error().to_string());
    for (const std::string& note : supervised.notes())
        log_.warning("\"" + printable(entry.action_name) + "\": " + note);
    if (!outcome->success())
        log_.info("the output of \"" + printable(entry.action_name) + "\" is kept in " +
                  (directory_of(entry) / "output").string());
    return *std::move(outcome);
}

void ActionRunner::finish() {
    std::uint64_t unsent = syslog_ ? syslog_->finish() : 0;
    if (unsent > 0)
        log_.warning(std::to_string(unsent) +
                     " lines of output have not been sent to the remote log");
}

std::filesystem::path ActionRunner::directory_of(const JournalEntry& entry) const {
    return settings_.journal / "actions" / key_of(entry.workflow_id, entry.action_id);
}

void ActionRunner::recover(const Journal& journal) {
    for (JournalEntry& entry : journal.all()) {
        if (entry.phase != JournalEntry::Phase::started) continue;
        auto supervised = SupervisedAction::find(directory_of(entry));
        if (!supervised) continue;
        log_.info("action \"" + printable(entry.action_name) +
                  "\" was started by an earlier agent; waiting for its end");
        Outcome outcome = follow(*supervised, entry);
        if (stop_.requested() && !outcome.success()) return;
        entry.phase = JournalEntry::Phase::finished;
        entry.outcome = std::move(outcome);
        if (auto written = journal.record(entry); !written)
            log_.error(written.error().to_string() + "; the action may run twice");
    }
    clean_up(journal);
    if (auto removed = bridge::remove_left_bridges(); !removed)
        log_.warning("removing the networks of earlier actions: " + removed.error().to_string());
    // The file systems of actions whose agent was killed. Other names are not the agent's.
    std::error_code failure;
    std::vector<std::filesystem::path> left;
    for (const auto& entry :
         std::filesystem::directory_iterator(settings_.store / "actions", failure))
        if (Sha256::parse(entry.path().filename().string())) left.push_back(entry.path());
    for (const auto& directory : left) remove(directory);
}

// What earlier actions left: file systems, and the output of those that succeeded or are older than
// the last few.
void ActionRunner::clean_up(const Journal& journal) {
    std::vector<std::pair<WallClock::time_point, std::filesystem::path>> failures;
    for (const JournalEntry& entry : journal.all()) {
        if (entry.phase == JournalEntry::Phase::started) continue;
        auto directory = directory_of(entry);
        if (entry.outcome.success())
            remove(directory);
        else
            failures.emplace_back(entry.outcome.stop, directory);
    }
    // The newest first.
    std::sort(failures.rbegin(), failures.rend());
    for (std::size_t i = kept_failures; i < failures.size(); ++i) remove(failures[i].second);
}

void ActionRunner::remove(const std::filesystem::path& directory) {
    std::error_code failure;
    if (!std::filesystem::exists(directory, failure)) return;
    if (auto removed = oci::remove_directory(directory); !removed)
        log_.warning(removed.error().to_string());
}

Outcome ActionRunner::run(const Action& action) {
    auto start = WallClock::now();
    // Nothing runs now: what the ones before have left is not needed any more.
    if (auto journal = Journal::open(settings_.journal)) clean_up(*journal);
    Outcome outcome = attempt(action, start);
    outcome.start = start;
    outcome.stop = WallClock::now();
    return outcome;
}

}  // namespace osiekit::agent
