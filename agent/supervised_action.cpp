#include "agent/supervised_action.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/image_store.hpp"
#include "lib/sandbox/needed_calls.hpp"

namespace osiekit::agent {
namespace {

constexpr std::uint64_t max_result_bytes = 1U << 20U;
constexpr std::size_t most_notes = 20;
constexpr std::size_t longest_note = 1000;
// Between the supervisor's start and its first file: only then is there something to poll for.
constexpr std::chrono::milliseconds moment{10};

// Whether a supervisor holds the directory's lock. One that cannot be looked at has none.
bool is_alive(const std::filesystem::path& directory) {
    auto lock = open_file(directory / "lock", O_RDWR);
    return lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Fd open_process(pid_t pid) {
    return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// A pidfd of the living supervisor; none when it has ended. The lock is looked at again after the
// process was opened: whoever holds it then is the one that wrote the number, not a later process
// with the same.
Fd find_process(const std::filesystem::path& directory) {
    while (is_alive(directory)) {
        auto text = read_file(directory / "pid", 100);
        auto pid = text ? parse_u64(trim(*text)) : std::nullopt;
        if (pid) {
            Fd process = open_process(static_cast<pid_t>(*pid));
            if (process && is_alive(directory)) return process;
            if (!process && errno == ENOSYS) return {};  // nor was one ever started here
        }
        std::this_thread::sleep_for(moment);
    }
    return {};
}

// Everything that posix_spawn(3) needs, released at the end.
class Spawn {
  public:
    Spawn() {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawnattr_init(&attributes_);
    }
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;
    ~Spawn() {
        ::posix_spawn_file_actions_destroy(&files_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    Result<pid_t> start(const std::filesystem::path& program,
                        const std::filesystem::path& directory, int lock) {
        std::string log = directory / "supervisor.log";
        ::posix_spawn_file_actions_addopen(&files_, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&files_, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                           0600);
        ::posix_spawn_file_actions_adddup2(&files_, 1, 2);
        ::posix_spawn_file_actions_adddup2(&files_, lock, supervisor_lock_fd);
        // In a session of its own: what is sent to the agent's group does not reach it.
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID);
        std::string name = "tink-worker";
        std::string command(supervisor_command);
        std::string operand = directory;
        std::array<char*, 4> argv = {name.data(), command.data(), operand.data(), nullptr};
        pid_t pid = -1;
        int failure =
            ::posix_spawn(&pid, program.c_str(), &files_, &attributes_, argv.data(), environ);
        if (failure != 0)
            return Error::from_errno("starting the action's supervisor " + program.string(),
                                     failure);
        return pid;
    }

  private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

// Events of the output's directory; without it the output comes when the action has ended.
Fd watch(const std::filesystem::path& directory) {
    Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (fd && ::inotify_add_watch(fd.get(), directory.c_str(), IN_MODIFY | IN_CREATE) < 0)
        fd.reset();
    return fd;
}

void drain(int fd) {
    std::array<char, 4096> events{};
    while (::read(fd, events.data(), events.size()) > 0) {
    }
}

// A name that no other start of an action has.
Result<std::string> new_run() {
    std::array<char, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return Error::from_errno("making a random name");
    return to_hex({bytes.data(), bytes.size()});
}

}  // namespace

Result<SupervisedAction> SupervisedAction::start(const std::filesystem::path& directory,
                                                 const SupervisorRequest& request,
                                                 const std::filesystem::path& program) {
    // Before there is a supervisor that could be neither watched nor ended.
    OSIEKIT_TRY(sandbox::check_calls().context("starting the action's supervisor"));
    std::error_code failure;
    std::filesystem::create_directories(directory.parent_path(), failure);
    OSIEKIT_TRY(oci::remove_directory(directory));
    // The output's directory is made here, so that it can be watched from the beginning.
    for (const auto& path : {directory, directory / "output"})
        if (::mkdir(path.c_str(), 0700) != 0) return Error::from_errno("making " + path.string());
    OSIEKIT_TRY(write_file(directory / "request", encode(request), 0600));
    OSIEKIT_ASSIGN(std::string run, new_run());
    OSIEKIT_TRY(write_file(directory / "run", run, 0600));
    OSIEKIT_ASSIGN(Fd lock, open_file(directory / "lock", O_RDWR | O_CREAT, 0600));
    // Not the descriptor's number there: dup2 of a descriptor onto itself leaves it close-on-exec.
    Fd high(::fcntl(lock.get(), F_DUPFD_CLOEXEC, supervisor_lock_fd + 1));
    if (!high || ::flock(high.get(), LOCK_EX | LOCK_NB) != 0)
        return Error::from_errno("locking " + (directory / "lock").string());
    OSIEKIT_ASSIGN(pid_t pid, Spawn().start(program, directory, high.get()));
    SupervisedAction action(directory);
    action.process_ = open_process(pid);
    if (!action.process_) return Error::from_errno("watching the action's supervisor");
    return action;
}

std::optional<SupervisedAction> SupervisedAction::find(const std::filesystem::path& directory) {
    SupervisedAction action(directory);
    action.process_ = find_process(directory);
    if (!action.process_ && ::access((directory / "result").c_str(), F_OK) != 0)
        return std::nullopt;
    return action;
}

Result<Outcome> SupervisedAction::follow(const StopSignal& stop, const Listener& listener) {
    SpoolReader spool(directory_ / "output", directory_ / "position");
    Fd events = watch(directory_ / "output");
    bool stopping = false;
    auto read = [&] {
        spool.read(listener.output);
        listener.on_output();
    };
    while (process_) {
        read();
        std::array<pollfd, 3> wanted = {{{process_.get(), POLLIN, 0},
                                         {events ? events.get() : -1, POLLIN, 0},
                                         {stopping ? -1 : stop.fd(), POLLIN, 0}}};
        if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR)
            return Error::from_errno("waiting for the action");
        if (wanted[0].revents != 0) break;
        if (wanted[1].revents != 0) drain(events.get());
        if (!stopping && stop.requested()) {
            stopping = true;
            ::syscall(SYS_pidfd_send_signal, process_.get(), SIGTERM, nullptr, 0);
        }
    }
    read();
    // A child of ours leaves a zombie; one of an earlier agent was somebody else's.
    siginfo_t info{};
    if (process_) ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &info, WEXITED | WNOHANG);
    process_.reset();
    return result();
}

std::vector<std::string> SupervisedAction::notes() const {
    std::vector<std::string> lines;
    auto log = read_file(directory_ / "supervisor.log", max_result_bytes);
    if (!log) return lines;
    for (std::string_view line : split(*log, '\n'))
        if (!line.empty() && lines.size() < most_notes)
            lines.push_back(printable(line, longest_note));
    return lines;
}

Result<Outcome> SupervisedAction::result() const {
    auto text = read_file(directory_ / "result", max_result_bytes);
    if (!text) {
        auto log = read_file(directory_ / "supervisor.log", max_result_bytes);
        return Error(
            ErrorKind::io,
            "the action's supervisor has ended without a result" +
                (log && !trim(*log).empty() ? ": " + printable(trim(*log), 1000) : std::string()));
    }
    OSIEKIT_ASSIGN(auto entry, decode_journal_entry(*text));
    return std::move(entry.outcome);
}

}  // namespace osiekit::agent
