#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "agent/commands/command.hpp"
#include "agent/commands/common.hpp"
#include "agent/volumes.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::agent {
namespace {

constexpr const char* footer =
    "The directory holds the program's root, such as an unpacked image. The exit status is the\n"
    "program's. 125: the sandbox could not be made. With --dry-run nothing is started: the plan "
    "is\n"
    "printed, in the order in which it would be performed.\n\n"
    "Needs root, but for --dry-run. With --userns --level restricted who is not root has "
    "sandboxes\n"
    "as well, on the networks host and none, and without limits.\n\n"
    "Examples:\n"
    "  tink-worker sandbox --dry-run --root / --level disk -- /bin/sh\n"
    "  tink-worker sandbox --root /srv/tree --level restricted --network none -- /bin/true\n"
    "  tink-worker sandbox --root / --level restricted --network bridge -- /bin/ip address\n"
    "  tink-worker sandbox --root ~/tree --level restricted --userns -- /bin/sh\n"
    "  tink-worker sandbox --root /srv/tree --memory 64MiB --processes 50 --cpus 0.5 -- /bin/work";

constexpr int exit_not_made = 125;

struct SandboxOptions {
    std::string root;
    std::vector<std::string> command;
    std::vector<std::string> environment;
    std::vector<std::string> volumes;
    std::string level = "host";
    std::string network = "host";
    std::string pid;
    std::string user;
    std::string cwd = "/";
    std::string cgroup;
    std::string memory;
    std::string io;
    std::uint64_t processes = 0;
    double cpus = 0;
    bool user_namespace = false;
    bool dry_run = false;
};

void add_options(CLI::App& app, SandboxOptions& options) {
    app.add_option("--root", options.root, "Directory that becomes the program's root")->required();
    app.add_option("COMMAND", options.command, "After --: program and arguments")->required();
    app.add_flag("--dry-run", options.dry_run, "Print the plan instead of performing it");
    app.add_option("--level", options.level, "restricted, disk, kexec or host (default)");
    app.add_option("--network", options.network,
                   "host (default); none: its own, with loopback only; bridge: its own, behind "
                   "address translation");
    app.add_option("--pid", options.pid, "host: the machine's PID namespace")
        ->check(CLI::IsMember({"host"}));
    app.add_flag("--userns", options.user_namespace,
                 "In a user namespace: root inside is nobody of the machine, or who calls this "
                 "when that is not root; needs --level restricted");
    app.add_option("--user", options.user, "UID:GID, as numbers (default: 0:0)");
    app.add_option("--workdir", options.cwd, "Directory to start in (default: /)");
    app.add_option("--env", options.environment, "NAME=VALUE; may be repeated")
        ->allow_extra_args(false);
    app.add_option("--volume", options.volumes, "HOST:CONTAINER[:ro]; may be repeated")
        ->allow_extra_args(false);
    app.add_option("--cgroup", options.cgroup, "Name of its cgroup below osie/; limits need one");
    app.add_option("--memory", options.memory, "Most memory, such as 512MiB");
    app.add_option("--processes", options.processes, "Most processes and threads");
    app.add_option("--cpus", options.cpus, "Most processor time, in processors: 1.5")
        ->check(CLI::Range(0.01, 1e6));
    app.add_option("--io", options.io, "Most bytes a second of each disk, such as 10MiB");
}

Result<std::optional<std::uint64_t>> size_of(const std::string& text, const char* option) {
    if (text.empty()) return std::optional<std::uint64_t>();
    auto bytes = sandbox::parse_size(text);
    if (!bytes)
        return Error(ErrorKind::invalid_input,
                     std::string(option) + " \"" + printable(text) + "\" is no size")
            .hint("write a number of bytes, or one with KiB, MiB or GiB");
    return bytes;
}

Status take_user(const std::string& text, sandbox::SandboxSpec& spec) {
    if (text.empty()) return {};
    auto parts = split(text, ':');
    auto uid = parse_u64(parts[0]);
    auto gid = parts.size() == 2 ? parse_u64(parts[1]) : std::nullopt;
    if (!uid || !gid || *uid >= UINT32_MAX || *gid >= UINT32_MAX)
        return Error(ErrorKind::invalid_input,
                     "--user \"" + printable(text) + "\" is not UID:GID in numbers");
    spec.uid = static_cast<uid_t>(*uid);
    spec.gid = static_cast<gid_t>(*gid);
    return {};
}

Result<sandbox::SandboxSpec> spec_from(const SandboxOptions& options) {
    sandbox::SandboxSpec spec;
    OSIEKIT_ASSIGN(spec.level, sandbox::parse_level(options.level));
    OSIEKIT_ASSIGN(spec.network, sandbox::parse_network(options.network).context("--network"));
    if (options.user_namespace)
        spec.users = ::geteuid() == 0 ? sandbox::UserMap{} : sandbox::UserMap::caller();
    spec.rootfs = std::filesystem::absolute(options.root);
    spec.argv = options.command;
    spec.env = options.environment;
    spec.cwd = options.cwd;
    spec.host_pid = options.pid == "host";
    OSIEKIT_TRY(take_user(options.user, spec));
    for (const std::string& text : options.volumes) {
        OSIEKIT_ASSIGN(auto mount, parse_volume(text, {"/nowhere", "/nowhere"}));
        if (mount.source.string().rfind("/nowhere/", 0) == 0)
            return Error(ErrorKind::invalid_input, "the volume \"" + printable(text) +
                                                       "\" names no directory of the machine");
        spec.mounts.push_back(std::move(mount));
    }
    OSIEKIT_ASSIGN(spec.limits.memory_bytes, size_of(options.memory, "--memory"));
    OSIEKIT_ASSIGN(spec.limits.io_bytes_per_second, size_of(options.io, "--io"));
    if (options.processes != 0) spec.limits.processes = options.processes;
    if (options.cpus > 0) spec.limits.cpu_millis = static_cast<std::uint32_t>(options.cpus * 1000);
    spec.cgroup = options.cgroup;
    if (spec.cgroup.empty() && spec.limits != sandbox::Limits{})
        spec.cgroup = "sandbox-" + std::to_string(::getpid());
    return spec;
}

// The sandbox is a session of its own: Ctrl-C reaches this command alone, which ends the program
// and removes what was made for it.
int perform(const sandbox::Plan& plan) {
    auto signals = watch_signals();
    if (!signals) return static_cast<void>(fail(signals.error())), exit_not_made;
    auto running = sandbox::start(plan);
    if (!running) return static_cast<void>(fail(running.error())), exit_not_made;
    for (const std::string& note : running->notes())
        std::fprintf(stderr, "tink-worker: note: %s\n", note.c_str());
    std::array<pollfd, 2> wanted = {{{running->fd(), POLLIN, 0}, {signals->get(), POLLIN, 0}}};
    while (::poll(wanted.data(), wanted.size(), -1) < 0 && errno == EINTR) {
    }
    if (wanted[0].revents == 0) static_cast<void>(running->kill_all().ok());
    auto status = running->wait();
    if (!status) return static_cast<void>(fail(status.error())), exit_not_made;
    if (status->signal != 0 || status->out_of_memory)
        std::fprintf(stderr, "tink-worker: %s\n", status->describe().c_str());
    return status->code;
}

}  // namespace

int run_command_sandbox(int argc, const char* const* argv) {
    CLI::App app(
        "Runs a program of a directory in a sandbox as actions get it, or shows what that means.",
        "tink-worker sandbox");
    app.footer(footer);
    SandboxOptions options;
    add_options(app, options);
    if (auto status = parse_arguments(app, argc, argv)) return *status;
    auto spec = spec_from(options);
    if (!spec) return fail(spec.error());
    auto plan = sandbox::make_plan(*std::move(spec));
    if (!plan) return fail(plan.error());
    if (!options.dry_run) return perform(*plan);
    std::fputs(sandbox::describe(*plan).c_str(), stdout);
    return 0;
}

}  // namespace osiekit::agent
