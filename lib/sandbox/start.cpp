#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lib/base/file.hpp"
#include "lib/base/pipe.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/filters.hpp"
#include "lib/sandbox/needed_calls.hpp"
#include "lib/sandbox/processes.hpp"
#include "lib/sandbox/start_internal.hpp"
#include "lib/sandbox/user_namespace.hpp"

namespace osiekit::sandbox {
namespace {

constexpr const char* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int first_free_descriptor = 10;  // clear of 0, 1 and 2, which the child fills

Result<Fd> high(int fd) {
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, first_free_descriptor));
    if (!copy) return Error::from_errno("cannot copy a descriptor");
    return copy;
}

Result<Pipe> make_high_pipe() {
    OSIEKIT_ASSIGN(Pipe pipe, make_pipe());
    OSIEKIT_ASSIGN(Fd read, high(pipe.read.get()));
    OSIEKIT_ASSIGN(Fd write, high(pipe.write.get()));
    return Pipe{std::move(read), std::move(write)};
}

template <typename Character>
std::vector<Character*> pointers(const std::vector<std::string>& texts) {
    std::vector<Character*> list;
    list.reserve(texts.size() + 1);
    for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

std::vector<std::string> relative(const std::vector<std::string>& paths) {
    std::vector<std::string> list;
    list.reserve(paths.size());
    for (const std::string& path : paths) list.push_back(path.substr(1));
    return list;
}

// Owns everything that a ChildPlan points to.
class Prepared {
  public:
    Prepared(const Plan& plan, PreparedMounts opened)
        : plan_(plan),
          opened_(std::move(opened)),
          masked_(relative(plan.masked)),
          read_only_(relative(plan.read_only)),
          candidates_(candidates_for(plan.spec.argv[0], plan.spec.env)),
          masked_pointers_(pointers<const char>(masked_)),
          read_only_pointers_(pointers<const char>(read_only_)),
          candidate_pointers_(pointers<const char>(candidates_)),
          argv_(pointers<char>(plan.spec.argv)),
          env_(pointers<char>(plan.spec.env)) {
        options_.reserve(plan.mounts.size());
        for (std::size_t index = 0; index < plan.mounts.size(); ++index)
            add_mount(plan.mounts[index], opened_.sources[index]);
    }
    Prepared(const Prepared&) = delete;
    Prepared& operator=(const Prepared&) = delete;

    const std::vector<std::string>& candidates() const { return candidates_; }
    int root_fd() const { return opened_.root ? opened_.root.get() : -1; }

    ChildPlan child_plan() const {
        const SandboxSpec& spec = plan_.spec;
        ChildPlan child{};
        child.own_users = spec.users.has_value();
        child.set_groups = !spec.users || !spec.users->single();
        child.root_fd = root_fd();
        child.own_network = spec.network != Network::host;
        child.rootfs = spec.rootfs.c_str();
        child.root_attributes = plan_.root_attributes;
        child.mounts = mounts_.data();
        child.mount_count = mounts_.size();
        child.device_nodes = plan_.device_nodes;
        child.masked = masked_pointers_.data();
        child.read_only = read_only_pointers_.data();
        child.die_with_parent = spec.die_with_parent;
        child.hostname = spec.hostname.empty() ? nullptr : spec.hostname.c_str();
        child.hostname_length = spec.hostname.size();
        child.cwd = spec.cwd.c_str();
        child.capabilities = plan_.capabilities;
        child.groups = spec.groups.data();
        child.group_count = spec.groups.size();
        child.uid = spec.uid;
        child.gid = spec.gid;
        child.no_new_privileges = plan_.no_new_privileges;
        std::size_t index = 0;
        for (const Filter& filter : filters(spec.level))
            child.filters[index++] = {filter.length, const_cast<sock_filter*>(filter.code)};
        child.candidates = candidate_pointers_.data();
        child.argv = argv_.data();
        child.env = env_.data();
        return child;
    }

  private:
    void add_mount(const PlannedMount& mount, const Fd& source) {
        auto& options = options_.emplace_back();
        for (const auto& [key, value] : mount.options) {
            options.push_back(key.c_str());
            options.push_back(value.c_str());
        }
        options.push_back(nullptr);
        mounts_.push_back({mount.kind == PlannedMount::Kind::fresh, mount.recursive,
                           mount.from_spec, mount.optional, mount.source_without_links,
                           mount.source.c_str(), mount.target.c_str() + 1,
                           source ? source.get() : -1, mount.attributes, options.data()});
    }

    const Plan& plan_;
    PreparedMounts opened_;
    std::vector<std::string> masked_;
    std::vector<std::string> read_only_;
    std::vector<std::string> candidates_;
    std::vector<const char*> masked_pointers_;
    std::vector<const char*> read_only_pointers_;
    std::vector<const char*> candidate_pointers_;
    std::vector<char*> argv_;
    std::vector<char*> env_;
    std::vector<std::vector<const char*>> options_;
    std::vector<ChildMount> mounts_;
};

// While it lives, no handler of the agent runs in this thread, nor in a clone made meanwhile.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() {
        int error = errno;
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = error;
    }

  private:
    sigset_t before_{};
};

// The cgroup namespace is made later by the child, see start_session().
std::uint64_t clone_flags(const Plan& plan) {
    return (plan.namespaces & ~std::uint64_t{CLONE_NEWCGROUP}) | CLONE_PIDFD;
}

// fork() with the namespaces; in the child it does not return.
pid_t clone_child(const Plan& plan, const ChildPlan& child, int cgroup_fd, int& pidfd) {
    clone_args args{};
    args.flags = clone_flags(plan) | CLONE_CLEAR_SIGHAND;
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
    }
    SignalsBlocked blocked;
    long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) run_child(child);
    return static_cast<pid_t>(pid);
}

// The same by the older call. The agent's signal handlers stay in the child until reset_signals();
// all signals are blocked until then.
pid_t clone_child_without_clone3(const Plan& plan, const ChildPlan& child, int& pidfd) {
    SignalsBlocked blocked;
    long pid = ::syscall(SYS_clone, clone_flags(plan) | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
    if (pid == 0) run_child(child);
    return static_cast<pid_t>(pid);
}

void leave_out_cgroup(Running::State& state, const Error& error) {
    state.notes.push_back(error.to_string());
    static_cast<void>(state.cgroup->remove().ok());
    state.cgroup.reset();
}

Error no_namespaces(const Plan& plan) {
    int number = errno;
    Error error = Error::from_errno("making the namespaces", number);
    if (plan.spec.users && number == ENOSPC)
        return std::move(error).hint("user.max_user_namespaces (sysctl) allows no more of them");
    if (plan.spec.users && plan.spec.users->single())
        return std::move(error).hint(
            "this machine lets nobody but root make user namespaces, or the sandbox has parts "
            "that need root");
    return std::move(error).hint("the sandbox needs root");
}

Status clone_into(const Plan& plan, const ChildPlan& child, Running::State& state) {
    constexpr const char* outside = "cannot start in the cgroup; starting outside it";
    int pidfd = -1;
    state.pid = clone_child(plan, child, state.cgroup ? state.cgroup->fd() : -1, pidfd);
    if (state.pid < 0 && errno == ENOSYS) {
        // Filters cannot look into the arguments of clone3, so container runtimes hide it. The
        // child is moved while it waits for the word to go on.
        state.pid = clone_child_without_clone3(plan, child, pidfd);
        if (state.pid > 0 && state.cgroup)
            if (auto moved = state.cgroup->add(state.pid); !moved)
                leave_out_cgroup(state, std::move(moved).error().context(outside));
    } else if (state.pid < 0 && state.cgroup) {
        leave_out_cgroup(state, Error::from_errno(outside));
        state.pid = clone_child(plan, child, -1, pidfd);
    }
    if (state.pid < 0) return no_namespaces(plan);
    state.pidfd = Fd(pidfd);
    return {};
}

void reap(Running::State& state) {
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(state.pidfd.get()), &info, WEXITED) < 0 &&
           errno == EINTR) {
    }
    state.status = ExitStatus{};
}

// An agent that is protected from the memory killer must not pass that on.
void reset_memory_score(pid_t pid) {
    Fd file(
        ::open(("/proc/" + std::to_string(pid) + "/oom_score_adj").c_str(), O_WRONLY | O_CLOEXEC));
    if (file) static_cast<void>(write_all(file.get(), "0").ok());
}

void pin_mount_namespace(Running::State& state) {
    std::string path = "/proc/" + std::to_string(state.pid) + "/ns/mnt";
    state.mount_namespace_pin = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (state.mount_namespace_pin) state.mount_namespace = mount_namespace(state.pid);
}

using Limit = std::optional<std::chrono::milliseconds>;

bool readable_within(int fd, Limit limit) {
    pollfd ready{fd, POLLIN, 0};
    int timeout = limit ? static_cast<int>(limit->count()) : -1;
    int done = 0;
    do {
        done = ::poll(&ready, 1, timeout);
    } while (done < 0 && errno == EINTR);
    return done != 0;
}

// The pipe gives word when the child has executed the program, or has failed to.
Error too_slow(Running::State& state, Limit limit) {
    ::syscall(SYS_pidfd_send_signal, state.pidfd.get(), SIGKILL, nullptr, 0);
    if (readable_within(state.pidfd.get(), limit)) reap(state);
    state.status = ExitStatus{};  // nobody is to wait for what may never end
    return Error(ErrorKind::limit,
                 "the program has not started within " + std::to_string(limit->count()) + " ms")
        .hint("the file system that it lies on may be dead")
        .context("starting the sandbox");
}

// Lets the child go and reads what became of it: nothing when it has executed the program.
Status release(const Plan& plan, const Prepared& prepared, Pipe& go, Pipe& error,
               Running::State& state, Limit limit) {
    error.write.reset();
    if (plan.spec.users) {
        OSIEKIT_TRY(map_users(plan, state.pid, prepared.root_fd())
                        .context("making the user namespace")
                        .context("starting the sandbox"));
        raise_file_limit(state.pid);
    }
    reset_memory_score(state.pid);
    if (state.host_pid && !state.cgroup) pin_mount_namespace(state);
    // The read end stays open here, so that a child which died already is no SIGPIPE for the agent.
    Status sent = write_all(go.write.get(), "g");
    if (limit && !readable_within(error.read.get(), limit)) return too_slow(state, limit);
    auto report = read_all(error.read.get(), sizeof(Failure));
    if (sent && report && report->empty()) return {};
    ::syscall(SYS_pidfd_send_signal, state.pidfd.get(), SIGKILL, nullptr, 0);
    reap(state);
    if (!report) return std::move(report).error().context("starting the sandbox");
    if (report->size() != sizeof(Failure))
        return Error(ErrorKind::io, "the new process died while it was being set up")
            .context("starting the sandbox");
    Failure failure{};
    report->copy(reinterpret_cast<char*>(&failure), sizeof failure);
    return explain(plan, failure, prepared.candidates());
}

void join_cgroup(const Plan& plan, Running::State& state, std::string_view mountinfo) {
    if (plan.spec.cgroup.empty()) return;
    auto base = cgroup2_mount(mountinfo);
    if (!base) {
        // The cgroup alone is missed by nobody: processes are found in other ways as well.
        if (plan.spec.limits == Limits{}) return;
        bool first = mountinfo.find(" - cgroup ") != std::string_view::npos;
        state.notes.emplace_back(std::string(first ? "only cgroups of version 1" : "no cgroups") +
                                 " here: limits are not enforced (they take version 2: mount -t "
                                 "cgroup2 none /sys/fs/cgroup)");
        return;
    }
    auto group = Cgroup::create(*base, plan.spec.cgroup, plan.spec.limits, state.notes);
    if (group)
        state.cgroup = *std::move(group);
    else
        state.notes.push_back(
            std::string(plan.spec.limits == Limits{} ? "" : "limits are not enforced: ") +
            "running without a cgroup of its own: " + group.error().to_string());
}

// The program may open its output by name (/dev/stdout), so pipes are its user's. Files and
// terminals stay whose they are.
void own_streams(const Plan& plan, int out, int err) {
    uid_t user = plan.spec.uid + (plan.spec.users ? plan.spec.users->first_user : 0);
    gid_t group = plan.spec.gid + (plan.spec.users ? plan.spec.users->first_group : 0);
    for (int stream : {out, err}) {
        struct stat status {};
        bool pipe = ::fstat(stream, &status) == 0 && S_ISFIFO(status.st_mode);
        // As with crun, no error: then it cannot be opened by name, and nothing else is lost.
        if (pipe && (status.st_uid != user || status.st_gid != group)) [[maybe_unused]]
            int done = ::fchown(stream, user, group);
    }
}

// The machine's side of an isolated network; the card inside is the child's to set up.
Status make_network(const Plan& plan, Running::State& state, ChildPlan& child) {
    if (plan.spec.network != Network::bridge) return {};
    auto made = bridge::Bridge::create();
    if (!made) {
        bool forbidden = made.error().error_number() == EPERM;
        return std::move(made)
            .error()
            .hint(forbidden ? "it takes root" : "")
            .context("making an isolated network");
    }
    child.card_address = htonl(made->inside().value());
    child.card_netmask = htonl(made->netmask().value());
    child.card_gateway = htonl(made->gateway().value());
    state.bridge.emplace(*std::move(made));
    return {};
}

}  // namespace

std::vector<std::string> candidates_for(const std::string& program,
                                        const std::vector<std::string>& env) {
    if (program.find('/') != std::string::npos) return {program};
    std::string_view path = default_path;
    for (const std::string& variable : env)
        if (variable.rfind("PATH=", 0) == 0) path = std::string_view(variable).substr(5);
    std::vector<std::string> list;
    for (std::string_view folder : split(path, ':'))
        list.push_back((folder.empty() ? "." : std::string(folder)) + "/" + program);
    return list;
}

bool root_is_initial(std::string_view mountinfo) {
    bool initial = false;
    for (std::string_view line : split(mountinfo, '\n')) {
        auto words = split_words(line);
        if (words.size() < 9 || words[4] != "/") continue;
        for (std::size_t i = 6; i + 1 < words.size(); ++i)
            if (words[i] == "-") {
                initial = words[i + 1] == "rootfs";  // the last of stacked ones counts
                break;
            }
    }
    return initial;
}

Result<Running> start(const Plan& plan, Limit limit) {
    OSIEKIT_TRY(check_calls().context("starting the sandbox"));
    OSIEKIT_TRY(check_machine(plan).context("starting the sandbox"));
    OSIEKIT_ASSIGN(std::string mountinfo, read_file("/proc/thread-self/mountinfo"));
    auto state = std::make_unique<Running::State>();
    state->host_pid = plan.spec.host_pid;
    join_cgroup(plan, *state, mountinfo);
    Running running(std::move(state));  // from here on its destructor cleans up
    OSIEKIT_ASSIGN(Pipe go, make_high_pipe());
    OSIEKIT_ASSIGN(Pipe error, make_high_pipe());
    OSIEKIT_ASSIGN(Fd out, high(plan.spec.stdout_fd));
    OSIEKIT_ASSIGN(Fd err, high(plan.spec.stderr_fd));
    OSIEKIT_ASSIGN(auto opened, prepare_mounts(plan).context("starting the sandbox"));
    Prepared prepared(plan, std::move(opened));
    own_streams(plan, out.get(), err.get());
    ChildPlan child = prepared.child_plan();
    OSIEKIT_TRY(make_network(plan, *running.state_, child).context("starting the sandbox"));
    child.go_fd = go.read.get();
    child.go_write_fd = go.write.get();
    child.error_fd = error.write.get();
    child.error_read_fd = error.read.get();
    child.out_fd = out.get();
    child.err_fd = err.get();
    child.root_is_initial = root_is_initial(mountinfo);
    OSIEKIT_TRY(clone_into(plan, child, *running.state_).context("starting the sandbox"));
    if (running.state_->bridge)
        OSIEKIT_TRY(
            running.state_->bridge->attach(running.state_->pid).context("starting the sandbox"));
    OSIEKIT_TRY(release(plan, prepared, go, error, *running.state_, limit));
    return running;
}

}  // namespace osiekit::sandbox
