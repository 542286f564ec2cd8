#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "agent/action_spec.hpp"
#include "agent/commands/command.hpp"
#include "agent/commands/common.hpp"
#include "agent/image_source.hpp"
#include "agent/proof.hpp"
#include "agent/rootfs.hpp"
#include "agent/stop_timing.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* footer =
    "The program's output is this command's output, its exit status this command's. 124: the\n"
    "timeout; 125: the container could not be made; 126 and 127: the program cannot be run or was\n"
    "not found. Ctrl-C asks the program to end, once more kills it.\n\n"
    "Examples:\n"
    "  tink-worker run registry.example/hello:1\n"
    "  tink-worker run -e DEST_DISK=/dev/vda -v /dev:/dev registry.example/image2disk:v1\n"
    "  tink-worker run --level restricted --timeout 30s 127.0.0.1:5000/mine:1 -- --verbose\n"
    "  tink-worker run --entrypoint /bin/sh registry.example/tools:1 -- -c 'ls -l /'";

// As docker(1), and timeout(1) for the first.
constexpr int exit_timeout = 124;
constexpr int exit_not_made = 125;
constexpr int exit_cannot_run = 126;
constexpr int exit_not_found = 127;

struct RunOptions {
    std::string image;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::vector<std::string> volumes;
    std::string level;
    std::string pid;
    std::string network;
    std::string user;
    std::string entrypoint;
    std::string working_dir;
    std::string timeout;
    std::string name;
    bool user_namespace = false;
    bool remove = true;
};

void add_options(CLI::App& app, RunOptions& options) {
    app.add_option("IMAGE", options.image, "[REGISTRY/]NAME[:TAG][@DIGEST]")->required();
    app.add_option("ARGS", options.arguments, "After --: instead of the image's command");
    auto add_list = [&](const char* name, std::vector<std::string>& list, const char* help) {
        app.add_option(name, list, help)->allow_extra_args(false);
    };
    add_list("-e,--env", options.environment,
             "NAME=VALUE, or NAME: with the value it has here; may be repeated");
    add_list("-v,--volume", options.volumes,
             "HOST:CONTAINER[:ro], NAME:CONTAINER or CONTAINER; may be repeated");
    app.add_option(
        "--level", options.level,
        "What it may do to the machine: restricted, disk, kexec or host (default: the policy's)");
    app.add_option("--pid", options.pid, "host: see and signal the machine's processes");
    app.add_option("--network", options.network,
                   "host: the machine's network (default); none: loopback alone; bridge: its own, "
                   "which reaches what the machine reaches and is reached by the machine alone");
    app.add_flag("--userns", options.user_namespace,
                 "In a user namespace: root inside is nobody of the machine; needs --level "
                 "restricted");
    app.add_option("-u,--user", options.user, "USER[:GROUP] instead of the image's");
    app.add_option("--entrypoint", options.entrypoint, "Program instead of the image's");
    app.add_option("-w,--workdir", options.working_dir, "Directory instead of the image's");
    app.add_option("--timeout", options.timeout,
                   "End it after this long: 30s, 10m (default: never)");
    app.add_option("--name", options.name, "Name of the container and of its cgroup");
    app.add_flag("--rm,!--keep", options.remove,
                 "Remove its file system at the end (default); --keep leaves it and says where");
}

// The variables as an action has them; NAME alone takes the value from here, or is left out.
std::vector<std::string> expanded(const std::vector<std::string>& variables) {
    std::vector<std::string> result;
    for (const std::string& variable : variables) {
        if (variable.find('=') != std::string::npos) {
            result.push_back(variable);
        } else if (const char* value = std::getenv(variable.c_str()); value != nullptr) {
            result.push_back(variable + "=" + value);
        }
    }
    return result;
}

Action make_action(const RunOptions& options) {
    Action action;
    action.action_id = std::to_string(::getpid());
    action.name = options.name.empty() ? "run" : options.name;
    action.image = options.image;
    action.command = options.arguments;
    action.volumes = options.volumes;
    action.environment = expanded(options.environment);
    action.pid_namespace = options.pid;
    action.network_namespace = options.network;
    return action;
}

// What the options say instead of the image.
void change_image(oci::ImageConfig& image, const RunOptions& options) {
    if (!options.user.empty()) image.user = options.user;
    if (!options.working_dir.empty()) image.working_dir = options.working_dir;
    if (options.entrypoint.empty()) return;
    image.entrypoint = {options.entrypoint};
    image.cmd.clear();
}

// Waits for the program; asks it to end on a signal or at the deadline, and kills it when that does
// not help. Gives the command's exit status.
int wait_for(sandbox::Running& running, int signals, int stop_signal,
             std::optional<Clock::time_point> deadline, const Logger& log) {
    bool timed_out = false;
    bool asked = false;
    auto ask = [&] {
        ::syscall(SYS_pidfd_send_signal, running.fd(), asked ? SIGKILL : stop_signal, nullptr, 0);
        if (asked) static_cast<void>(running.kill_all().ok());
        asked = true;
        deadline = Clock::now() + stop_grace;
    };
    for (;;) {
        std::array<pollfd, 2> wanted = {{{running.fd(), POLLIN, 0}, {signals, POLLIN, 0}}};
        int ready = ::poll(wanted.data(), wanted.size(), poll_time_until(deadline));
        if (ready < 0 && errno != EINTR) break;
        if (wanted[0].revents != 0) break;
        signalfd_siginfo info{};
        if (ready > 0 && ::read(signals, &info, sizeof info) == sizeof info) {
            ask();
        } else if (deadline && Clock::now() >= *deadline) {
            if (!asked) log.warning("the timeout is over; ending the program");
            timed_out = timed_out || !asked;
            ask();
        }
    }
    // Children that outlived the program end with it.
    if (auto killed = running.kill_all(); !killed) log.warning(killed.error().to_string());
    auto status = running.wait();
    if (!status) return fail(status.error()), exit_not_made;
    if (status->out_of_memory) log.warning(status->describe());
    return timed_out ? exit_timeout : status->code;
}

int not_made(const Error& error) {
    static_cast<void>(fail(error));
    return exit_not_made;
}

// The step that failed is in the error; the shell's numbers for a program that cannot be run.
int not_started(const Error& error) {
    static_cast<void>(fail(error));
    bool finding = error.message().rfind("finding the program", 0) == 0;
    if (finding && error.kind() == ErrorKind::not_found) return exit_not_found;
    bool running = error.message().rfind("running ", 0) == 0;
    return finding || running ? exit_cannot_run : exit_not_made;
}

struct Prepared {
    StoreLock lock;
    oci::StoredImage image;
};

Result<Prepared> prepare(const Settings& settings, const RunOptions& options,
                         const Decision& decision, const Logger& log) {
    if (auto prepared = prepare_store(settings.store); !prepared)
        return std::move(prepared).error();
    OSIEKIT_TRY(enter_private_mounts());
    OSIEKIT_ASSIGN(
        auto lock, StoreLock::take(settings.store, StoreLock::Kind::exclusive, [&] {
            log.info("waiting for another program that works in " + settings.store.string());
        }));
    for (const char* name : {"actions", "volumes"})
        if (::mkdir((settings.store / name).c_str(), 0700) != 0 && errno != EEXIST)
            return Error::from_errno("making " + (settings.store / name).string());
    OSIEKIT_ASSIGN(auto store, oci::ImageStore::open(settings.store / "images"));
    PullParts parts;
    parts.admit = [&decision](const oci::ResolvedImage& image, oci::ImageSource& source) {
        return prove(decision, image, source);
    };
    OSIEKIT_ASSIGN(auto image, pull_image(store, settings, options.image, parts, log));
    OSIEKIT_TRY(lock.share());
    return Prepared{std::move(lock), std::move(image)};
}

// As the agent would judge it.
Result<Decision> judge(const Settings& settings, const Action& action) {
    OSIEKIT_ASSIGN(auto policy, load_policy(settings.policy));
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(action.image));
    return decide(policy, action, reference);
}

int run(const Settings& settings, const RunOptions& options, std::optional<sandbox::Level> level,
        std::optional<std::chrono::milliseconds> timeout) {
    if (::geteuid() != 0)
        return not_made(Error(ErrorKind::refused, "running an image needs root")
                            .hint("use sudo; a directory's program runs without, too: tink-worker "
                                  "sandbox --userns --level restricted"));
    auto log = command_log(settings);
    auto action = make_action(options);
    auto decision = judge(settings, action);
    if (!decision) return not_made(decision.error());
    if (level) decision->level = *level;
    if (options.user_namespace) decision->user_namespace = true;
    if (decision->user_namespace && decision->level != sandbox::Level::restricted)
        return not_made(
            Error(ErrorKind::invalid_input, "a user namespace needs the level restricted")
                .hint("add --level restricted"));
    auto prepared = prepare(settings, options, *decision, log);
    if (!prepared) return not_made(prepared.error());
    auto directory = settings.store / "actions" / ("run-" + std::to_string(::getpid()));
    auto rootfs = Rootfs::create(prepared->image.layers, directory, users_of(*decision));
    if (!rootfs) return not_made(rootfs.error());
    if (!rootfs->note().empty()) log.warning(rootfs->note());
    if (!options.remove) {
        rootfs->keep();
        log.info("its file system stays in " + directory.string() + ", what it changes in upper/");
    }
    auto config = prepared->image.image.config;
    change_image(config, options);
    auto spec = make_spec({directory, settings.store / "volumes"}, action, *decision, config, log);
    if (!spec) return not_made(spec.error());
    auto plan = sandbox::make_plan(*std::move(spec));
    if (!plan) return not_made(plan.error());
    auto signals = watch_signals();
    if (!signals) return not_made(signals.error());
    auto running = sandbox::start(*plan);
    if (!running) return not_started(running.error());
    for (const std::string& note : running->notes()) log.debug(note);
    std::optional<Clock::time_point> deadline;
    if (timeout) deadline = Clock::now() + *timeout;
    return wait_for(*running, signals->get(), stop_signal(config.stop_signal), deadline, log);
}

}  // namespace

int run_command_run(int argc, const char* const* argv) {
    CLI::App app(
        "Runs a container of an image here and now, as the agent would run it as an action, but\n"
        "without a server: for people who write actions. Needs root.",
        "tink-worker run");
    app.footer(footer);
    RunOptions options;
    CommandSettings common;
    add_options(app, options);
    common.add_to(app, false);
    if (auto status = parse_arguments(app, argc, argv)) return *status;
    auto settings = common.resolve();
    if (!settings) return fail(settings.error());
    std::optional<sandbox::Level> level;
    if (!options.level.empty()) {
        auto parsed = sandbox::parse_level(options.level);
        if (!parsed) return fail(parsed.error());
        level = *parsed;
    }
    std::optional<std::chrono::milliseconds> timeout;
    if (!options.timeout.empty()) {
        auto parsed = parse_duration(options.timeout);
        if (!parsed) return fail(std::move(parsed).error().context("--timeout"));
        timeout = *parsed;
    }
    return run(*settings, options, level, timeout);
}

}  // namespace osiekit::agent
