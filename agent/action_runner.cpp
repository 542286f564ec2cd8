#include "agent/action_runner.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "agent/action_spec.hpp"
#include "agent/line_splitter.hpp"
#include "agent/output_pump.hpp"
#include "agent/rootfs.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr std::chrono::seconds after_kill{2};

Outcome failed(const std::string& message) {
    Outcome outcome;
    outcome.message = message;
    return outcome;
}

}  // namespace

ActionRunner::ActionRunner(const Settings& settings, const StopSignal& stop, const Logger& log,
                           oci::ImageStore store)
    : settings_(settings), stop_(stop), log_(log), store_(std::move(store)) {}

Result<ActionRunner> ActionRunner::create(const Settings& settings, const StopSignal& stop,
                                          const Logger& log) {
    OSIEKIT_ASSIGN(bool mounted, prepare_store(settings.store));
    if (mounted) log.info("images are unpacked to a tmpfs of their own");
    OSIEKIT_ASSIGN(
        auto lock, StoreLock::take(settings.store, StoreLock::Kind::exclusive, [&] {
            log.info("waiting for another program that works in " + settings.store.string());
        }));
    OSIEKIT_ASSIGN(auto store, oci::ImageStore::open(settings.store / "images"));
    OSIEKIT_TRY(oci::remove_directory(settings.store / "actions"));
    for (const char* name : {"actions", "volumes"})
        if (::mkdir((settings.store / name).c_str(), 0700) != 0 && errno != EEXIST)
            return Error::from_errno("making " + (settings.store / name).string());
    return ActionRunner(settings, stop, log, std::move(store));
}

Result<ActionRunner::Pulled> ActionRunner::pull(const Action& action, Clock::time_point deadline) {
    OSIEKIT_ASSIGN(
        auto lock, StoreLock::take(settings_.store, StoreLock::Kind::exclusive, [this] {
            log_.info("waiting for another program that works in " + settings_.store.string());
        }));
    if (workflow_ != action.workflow_id) {
        // Another workflow's images are not needed any more.
        if (!workflow_.empty())
            if (auto swept = store_.retain({}); !swept) log_.warning(swept.error().to_string());
        workflow_ = action.workflow_id;
    }
    PullParts parts;
    parts.cancelled = [this, deadline] { return stop_.requested() || Clock::now() >= deadline; };
    parts.sleep = [this](std::chrono::milliseconds time) { stop_.wait(time); };
    OSIEKIT_ASSIGN(auto stored, pull_image(store_, settings_, action.image, parts, log_));
    OSIEKIT_TRY(lock.share());
    return Pulled{std::move(stored), std::move(lock)};
}

void ActionRunner::end(sandbox::Running& running) {
    ::syscall(SYS_pidfd_send_signal, running.fd(), SIGTERM, nullptr, 0);
    if (running.wait(grace)) return;
    if (auto killed = running.kill_all(); !killed) log_.warning(killed.error().to_string());
    if (!running.wait(after_kill))
        log_.warning("the action does not end even when killed; leaving it behind");
}

ActionRunner::Ended ActionRunner::wait(sandbox::Running& running, Clock::time_point deadline) {
    for (;;) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return Ended::timeout;
        if (stop_.requested()) return Ended::stopped;
        std::array<pollfd, 2> wanted = {{{running.fd(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
        constexpr std::int64_t longest_poll = 3600000;
        int ready = ::poll(wanted.data(), wanted.size(),
                           static_cast<int>(std::min<std::int64_t>(left, longest_poll)));
        if (ready > 0 && wanted[0].revents != 0) return Ended::by_itself;
    }
}

Outcome ActionRunner::attempt(const Action& action, Clock::time_point deadline) {
    auto pulled = pull(action, deadline);
    if (!pulled) return failed(pulled.error().to_string());
    auto rootfs = Rootfs::create(pulled->image.layers,
                                 settings_.store / "actions" /
                                     Sha256::of(action.workflow_id + "/" + action.action_id).hex());
    if (!rootfs) return failed(rootfs.error().to_string());
    if (!rootfs->note().empty()) log_.warning(rootfs->note());
    auto spec = make_spec({rootfs->directory(), settings_.store / "volumes"}, action,
                          pulled->image.image.config, log_);
    if (!spec) return failed(spec.error().to_string());
    std::string prefix = printable(action.name) + " | ";
    auto pump = OutputPump::create([&](bool error, std::string_view line) {
        log_.log(error ? LogLevel::warning : LogLevel::info,
                 prefix + printable(line, LineSplitter::max_line_bytes));
    });
    if (!pump) return failed(pump.error().to_string());
    spec->stdout_fd = (*pump)->stdout_fd();
    spec->stderr_fd = (*pump)->stderr_fd();
    return execute(action, std::move(*spec), **pump, deadline);
}

Outcome ActionRunner::execute(const Action& action, sandbox::SandboxSpec spec, OutputPump& pump,
                              Clock::time_point deadline) {
    auto plan = sandbox::make_plan(std::move(spec));
    if (!plan) return failed(plan.error().to_string());
    auto running = sandbox::start(*plan);
    pump.close_writers();
    if (!running) return failed(running.error().to_string());
    for (const std::string& note : running->notes()) log_.debug(note);
    Ended ended = wait(*running, deadline);
    if (ended != Ended::by_itself) end(*running);
    // Children that outlived the action's program end with it.
    [[maybe_unused]] Status killed = running->kill_all();
    auto status = running->wait(after_kill);
    pump.finish();
    Outcome outcome;
    if (ended == Ended::timeout) {
        outcome.state = OutcomeState::timeout;
        outcome.message = "ended after its timeout of " + human_duration(action.timeout);
    } else if (ended == Ended::stopped) {
        outcome.message = "ended because the agent is stopped";
    } else if (!status) {
        outcome.message = status.error().to_string();
    } else {
        outcome.state = status->success() ? OutcomeState::success : OutcomeState::failed;
        outcome.message = status->success() ? "action completed" : status->describe();
    }
    return outcome;
}

Outcome ActionRunner::run(const Action& action) {
    auto start = WallClock::now();
    auto deadline = Clock::now() + action.timeout;
    Outcome outcome = attempt(action, deadline);
    outcome.start = start;
    outcome.stop = WallClock::now();
    // The time may also run out while the image is pulled.
    if (outcome.state == OutcomeState::failed && Clock::now() >= deadline && !stop_.requested()) {
        outcome.state = OutcomeState::timeout;
        outcome.message = "no time left after " + human_duration(action.timeout) +
                          (outcome.message.empty() ? "" : ": " + outcome.message);
    }
    return outcome;
}

}  // namespace osiekit::agent
