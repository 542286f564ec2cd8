#include "agent/supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "agent/line_splitter.hpp"
#include "agent/spool.hpp"
#include "agent/stop_timing.hpp"
#include "lib/base/file.hpp"

namespace osiekit::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t max_request_bytes = 16U << 20U;
constexpr std::size_t buffer_bytes = 64U << 10U;
// More than pipes hold: what comes later is from somebody who outlived the action.
constexpr std::size_t max_rest_bytes = 4U << 20U;
constexpr std::chrono::seconds after_kill{5};

// The two outputs of the program, carried to the spool.
class Outputs {
  public:
    static Result<Outputs> create(const std::filesystem::path& directory) {
        OSIEKIT_ASSIGN(auto spool, SpoolWriter::create(directory));
        Outputs outputs(std::make_unique<SpoolWriter>(std::move(spool)));
        for (int i = 0; i < 2; ++i) {
            int ends[2];
            if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("making a pipe");
            outputs.readers_[i] = Fd(ends[0]);
            outputs.writers_[i] = Fd(ends[1]);
            // Only our end: a program may not expect its output to refuse bytes.
            ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        }
        return outputs;
    }
    int writer(int i) const { return writers_[i].get(); }
    int reader(int i) const { return readers_[i] ? readers_[i].get() : -1; }
    void close_writers() {
        for (Fd& writer : writers_) writer.reset();
    }
    // Takes what is there; false when there was nothing.
    bool pump(int i) {
        if (!readers_[i]) return false;
        ssize_t n = ::read(readers_[i].get(), buffer_->data(), buffer_->size());
        if (n > 0) {
            lines_[i]->add({buffer_->data(), static_cast<std::size_t>(n)});
            spool_->flush();
            taken_ += static_cast<std::size_t>(n);
            return true;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) readers_[i].reset();
        return false;
    }
    // What is still in the pipes, also if somebody keeps them open.
    void finish() {
        std::size_t before = taken_;
        bool more = true;
        while (more && taken_ - before <= max_rest_bytes) {
            more = pump(0);
            more = pump(1) || more;
        }
        for (auto& line : lines_) line->flush();
        spool_->flush();
    }

  private:
    explicit Outputs(std::unique_ptr<SpoolWriter> spool) : spool_(std::move(spool)) {
        for (int i = 0; i < 2; ++i)
            lines_[i] = std::make_unique<LineSplitter>(
                [writer = spool_.get(), i](std::string_view line) { writer->add(i == 1, line); });
    }
    std::unique_ptr<SpoolWriter> spool_;
    std::unique_ptr<LineSplitter> lines_[2];
    std::unique_ptr<std::array<char, buffer_bytes>> buffer_ =
        std::make_unique<std::array<char, buffer_bytes>>();
    std::size_t taken_ = 0;
    Fd readers_[2];
    Fd writers_[2];
};

Result<Fd> watch_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (int number : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&set, number);
    ::sigprocmask(SIG_SETMASK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return Error::from_errno("watching for signals");
    return fd;
}

// Orphans of the action come to us; the program itself is left for its Running.
void reap_orphans(pid_t program) {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0 ||
            info.si_pid == program)
            return;
        ::waitpid(info.si_pid, nullptr, 0);
    }
}

class Supervision {
  public:
    Supervision(const SupervisorRequest& request, sandbox::Running& running, Outputs& outputs,
                int signals)
        : request_(request), running_(running), outputs_(outputs), signals_(signals) {}

    // nullopt: cut off by our own end, which is no outcome.
    std::optional<Outcome> run() {
        while (!ended_ && !abandoned_) step();
        // Children that outlived the action's program end with it.
        Status killed = running_.kill_all();
        auto status = running_.wait(after_kill);
        reap_orphans(-1);
        outputs_.finish();
        Outcome outcome = request_.entry.outcome;
        outcome.state = OutcomeState::failed;
        outcome.message.clear();
        if (timed_out_) {
            outcome.state = OutcomeState::timeout;
            outcome.message = "ended after its timeout of " + human_duration(request_.timeout);
        } else if (!status) {
            outcome.message = status.error().to_string();
        } else {
            outcome.state = status->success() ? OutcomeState::success : OutcomeState::failed;
            outcome.message = status->success() ? "action completed" : status->describe();
        }
        if (stopped_ && !outcome.success()) return std::nullopt;
        if (!status && timed_out_)
            outcome.message += "; it does not end even when killed, and is left behind";
        if (!killed) outcome.message += "; " + killed.error().to_string();
        return outcome;
    }

  private:
    void step() {
        std::array<pollfd, 4> wanted = {{{running_.fd(), POLLIN, 0},
                                         {signals_, POLLIN, 0},
                                         {outputs_.reader(0), POLLIN, 0},
                                         {outputs_.reader(1), POLLIN, 0}}};
        if (::poll(wanted.data(), wanted.size(), poll_time_until(next_)) < 0 && errno != EINTR) {
            abandoned_ = true;
            return;
        }
        for (int i = 0; i < 2; ++i)
            if (wanted[static_cast<std::size_t>(i) + 2].revents != 0) outputs_.pump(i);
        if (wanted[0].revents != 0) {
            ended_ = true;
            return;
        }
        signalfd_siginfo info{};
        while (::read(signals_, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo == SIGCHLD) {
                reap_orphans(running_.pid());
            } else if (!asked_) {
                stopped_ = true;
                ask_to_end();
            }
        }
        if (Clock::now() >= next_) on_deadline();
    }
    void on_deadline() {
        if (killed_) {
            abandoned_ = true;
        } else if (asked_) {
            static_cast<void>(running_.kill_all().ok());  // told of at the end
            killed_ = true;
            next_ = Clock::now() + after_kill;
        } else {
            timed_out_ = true;
            ask_to_end();
        }
    }
    void ask_to_end() {
        asked_ = true;
        ::syscall(SYS_pidfd_send_signal, running_.fd(), request_.stop_signal, nullptr, 0);
        next_ = Clock::now() + request_.grace;
    }

    const SupervisorRequest& request_;
    sandbox::Running& running_;
    Outputs& outputs_;
    int signals_;
    Clock::time_point next_{request_.deadline};
    bool ended_ = false;
    bool abandoned_ = false;
    bool asked_ = false;
    bool killed_ = false;
    bool timed_out_ = false;
    bool stopped_ = false;
};

Result<std::optional<Outcome>> run_action(SupervisorRequest& request,
                                          const std::filesystem::path& directory) {
    OSIEKIT_ASSIGN(Fd signals, watch_signals());
    OSIEKIT_ASSIGN(auto outputs, Outputs::create(directory / "output"));
    request.spec.stdout_fd = outputs.writer(0);
    request.spec.stderr_fd = outputs.writer(1);
    request.spec.die_with_parent = true;
    OSIEKIT_ASSIGN(auto plan, sandbox::make_plan(request.spec));
    OSIEKIT_ASSIGN(auto running, sandbox::start(plan));
    outputs.close_writers();
    for (const std::string& note : running.notes()) std::fprintf(stderr, "%s\n", note.c_str());
    return Supervision(request, running, outputs, signals.get()).run();
}

Status work(const std::filesystem::path& directory) {
    OSIEKIT_TRY(write_file(directory / "pid", std::to_string(::getpid()) + "\n", 0600));
    auto file = directory / "request";
    OSIEKIT_ASSIGN(auto bytes, read_file(file, max_request_bytes));
    OSIEKIT_ASSIGN(auto request, decode_supervisor_request(bytes));
    ::unlink(file.c_str());
    JournalEntry entry = request.entry;
    entry.phase = JournalEntry::Phase::finished;
    auto outcome = run_action(request, directory);
    if (outcome && !*outcome) return {};
    if (outcome)
        entry.outcome = **std::move(outcome);
    else
        entry.outcome.message = outcome.error().to_string();
    entry.outcome.stop = WallClock::now();
    return write_file(directory / "result", encode(entry), 0600);
}

}  // namespace

int supervise(const std::filesystem::path& directory) {
    ::prctl(PR_SET_NAME, "tink-action");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // The lock is ours alone: it must not live on in what we start.
    ::fcntl(supervisor_lock_fd, F_SETFD, FD_CLOEXEC);
    ::close_range(supervisor_lock_fd + 1, ~0U, 0);
    if (auto done = work(directory); !done) {
        std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
        return exit_status(done.error());
    }
    return 0;
}

}  // namespace osiekit::agent
