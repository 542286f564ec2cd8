#include "agent/action_runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "agent/image_process.hpp"
#include "agent/line_splitter.hpp"
#include "agent/output_pump.hpp"
#include "agent/rootfs.hpp"
#include "agent/users.hpp"
#include "agent/volumes.hpp"
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

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

// Letters that file and cgroup names have everywhere.
std::string plain_name(const std::string& text) {
    std::string name = text.substr(0, 100);
    for (char& c : name) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '.' || c == '-';
        if (!plain) c = '_';
    }
    return name.empty() || name.front() == '.' ? "_" + name : name;
}

bool mounts_over(const std::vector<sandbox::Mount>& mounts, const std::filesystem::path& target) {
    return std::any_of(mounts.begin(), mounts.end(), [&](const sandbox::Mount& mount) {
        return mount.target.lexically_normal() == target;
    });
}

}  // namespace

ActionRunner::ActionRunner(const Settings& settings, const StopSignal& stop, const Logger& log,
                           oci::ImageStore store)
    : settings_(settings), stop_(stop), log_(log), store_(std::move(store)) {}

Result<ActionRunner> ActionRunner::create(const Settings& settings, const StopSignal& stop,
                                          const Logger& log) {
    OSIEKIT_ASSIGN(bool mounted, prepare_store(settings.store));
    if (mounted) log.info("images are unpacked to a tmpfs of their own");
    OSIEKIT_ASSIGN(auto store, oci::ImageStore::open(settings.store / "images"));
    OSIEKIT_TRY(oci::remove_directory(settings.store / "actions"));
    for (const char* name : {"actions", "volumes"})
        if (::mkdir((settings.store / name).c_str(), 0700) != 0 && errno != EEXIST)
            return Error::from_errno("making " + (settings.store / name).string());
    return ActionRunner(settings, stop, log, std::move(store));
}

Result<oci::StoredImage> ActionRunner::pull(const Action& action, Clock::time_point deadline) {
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(action.image));
    if (workflow_ != action.workflow_id) {
        // Another workflow's images are not needed any more.
        if (!workflow_.empty())
            if (auto swept = store_.retain({}); !swept) log_.warning(swept.error().to_string());
        workflow_ = action.workflow_id;
    }
    oci::RegistryOptions options;
    options.insecure = settings_.insecure_registries;
    options.credentials_host = settings_.registry;
    options.user = settings_.registry_user;
    options.password = settings_.registry_password;
    options.cancelled = [this, deadline] { return stop_.requested() || Clock::now() >= deadline; };
    options.sleep = [this](std::chrono::milliseconds time) { stop_.wait(time); };
    options.log = [this](std::string_view text) { log_.warning(text); };
    oci::RegistryClient client(std::move(options));
    auto begin = Clock::now();
    OSIEKIT_ASSIGN(auto stored, store_.pull(client, reference, oci::Platform::host(),
                                            [this] { return unpack_budget(settings_.store); }));
    auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
    log_.info("image " + reference.to_string() + " is " + stored.image.manifest_digest.oci() +
              ", there in " + human_duration(taken));
    return stored;
}

Status ActionRunner::add_mounts(sandbox::SandboxSpec& spec, const Action& action,
                                const std::filesystem::path& directory) {
    VolumePlaces places{settings_.store / "volumes", directory / "volumes"};
    std::vector<sandbox::Mount> volumes;
    for (const std::string& text : action.volumes) {
        OSIEKIT_ASSIGN(auto mount, parse_volume(text, places));
        volumes.push_back(std::move(mount));
    }
    auto resolv = read_file("/etc/resolv.conf");
    const std::array<std::pair<const char*, std::string>, 3> generated = {{
        {"resolv.conf", resolv ? *resolv : std::string()},
        {"hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 " +
                      spec.hostname + "\n"},
        {"hostname", spec.hostname + "\n"},
    }};
    for (const auto& [name, content] : generated) {
        auto target = std::filesystem::path("/etc") / name;
        if (mounts_over(volumes, target)) continue;
        OSIEKIT_TRY(write_file(directory / name, content, 0644));
        sandbox::Mount mount;
        mount.source = directory / name;
        mount.target = target;
        mount.read_only = true;
        spec.mounts.push_back(std::move(mount));
    }
    spec.mounts.insert(spec.mounts.end(), volumes.begin(), volumes.end());
    return {};
}

Result<sandbox::SandboxSpec> ActionRunner::make_spec(const Action& action,
                                                     const oci::ImageConfig& image,
                                                     const std::filesystem::path& directory) {
    sandbox::SandboxSpec spec;
    // Existing actions were written for privileged containers; policies come later.
    spec.level = sandbox::Level::host;
    spec.rootfs = directory / "root";
    OSIEKIT_ASSIGN(Fd root, open_file(spec.rootfs, O_PATH | O_DIRECTORY));
    OSIEKIT_ASSIGN(auto user, look_up_user_in_root(image.user, root.get()));
    spec.uid = user.uid;
    spec.gid = user.gid;
    spec.groups = user.groups;
    spec.hostname = host_name();
    OSIEKIT_ASSIGN(auto process, make_process(image, action, user, spec.hostname));
    spec.argv = process.argv;
    spec.env = process.env;
    spec.cwd = process.cwd;
    spec.host_pid = action.pid_namespace == "host";
    if (!spec.host_pid && !action.pid_namespace.empty())
        log_.warning("the PID namespace \"" + printable(action.pid_namespace) +
                     "\" is not known; the action gets its own");
    if (!action.network_namespace.empty() && action.network_namespace != "host")
        log_.warning("the network namespace \"" + printable(action.network_namespace) +
                     "\" is not known; the action shares the machine's");
    spec.cgroup = plain_name(action.name + "-" + action.action_id);
    OSIEKIT_TRY(add_mounts(spec, action, directory));
    return spec;
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
    auto image = pull(action, deadline);
    if (!image) return failed(image.error().to_string());
    auto rootfs = Rootfs::create(image->layers,
                                 settings_.store / "actions" /
                                     Sha256::of(action.workflow_id + "/" + action.action_id).hex());
    if (!rootfs) return failed(rootfs.error().to_string());
    if (!rootfs->note().empty()) log_.warning(rootfs->note());
    auto spec = make_spec(action, image->image.config, rootfs->directory());
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
