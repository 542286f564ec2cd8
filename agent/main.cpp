#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <random>
#include <thread>

#include "agent/action_runner.hpp"
#include "agent/agent_loop.hpp"
#include "agent/command_line.hpp"
#include "agent/commands/command.hpp"
#include "agent/ending.hpp"
#include "agent/machine.hpp"
#include "agent/registries.hpp"
#include "agent/rootfs.hpp"
#include "agent/settings.hpp"
#include "agent/supervisor.hpp"
#include "agent/trust.hpp"
#include "lib/base/file.hpp"

namespace osiekit::agent {
namespace {

constexpr const char* shared_directory = "/worker";

Result<Settings> read_settings(const CommandLine& command_line) {
    // Without /proc there is no kernel command line to read; flags may still say everything.
    auto kernel = read_file("/proc/cmdline", 1U << 20U);
    Environment environment = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return value;
    };
    OSIEKIT_ASSIGN(auto settings,
                   resolve_settings(command_line.values, environment,
                                    KernelCommandLine::parse(kernel ? *kernel : "")));
    settings.ignored = command_line.ignored;
    if (settings.id.empty()) settings.id = settings.hw_addr;
    if (settings.id.empty()) settings.id = first_ethernet_address();
    if (settings.id.empty())
        return Error(ErrorKind::invalid_input, "this machine has no name")
            .hint(
                "give --id or the kernel argument worker_id; there is no Ethernet interface "
                "whose address could stand in");
    return settings;
}

// Waits for SIGTERM and SIGINT, which every thread has blocked, on a thread of its own.
class SignalWatch {
  public:
    SignalWatch(StopSignal& stop, ServerLink& server) {
        sigset_t wanted = signals();
        descriptor_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC));
        thread_ = std::thread([this, &stop, &server] {
            std::array<pollfd, 2> watched = {
                {{descriptor_.get(), POLLIN, 0}, {done_.fd(), POLLIN, 0}}};
            while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
            }
            if (done_.requested()) return;
            stop.set();
            server.cancel();
        });
    }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;
    ~SignalWatch() {
        done_.set();
        thread_.join();
    }
    static sigset_t signals() {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        return set;
    }

  private:
    Fd descriptor_;
    StopSignal done_;
    std::thread thread_;
};

Backoff make_backoff(const Settings& settings) {
    return {settings.longest_pause, [engine = std::mt19937_64(std::random_device()())]() mutable {
                return std::uniform_real_distribution<double>(0, 1)(engine);
            }};
}

Status run(const Settings& settings, const Logger& log) {
    // Not private: the next agent finds the images there.
    OSIEKIT_ASSIGN(bool mounted, prepare_store(settings.store));
    if (mounted) log.info("images are unpacked to a tmpfs of their own");
    OSIEKIT_TRY(enter_private_mounts());
    StopSignal stop;
    OSIEKIT_ASSIGN(auto journal, Journal::open(settings.journal));
    // With one that cannot be understood nothing may run.
    OSIEKIT_ASSIGN(auto policy, load_policy(settings.policy));
    OSIEKIT_ASSIGN(auto runner,
                   ActionRunner::create(settings, stop, log, std::move(policy), "/proc/self/exe"));
    OSIEKIT_ASSIGN(auto ca_pem, trusted_certificates(settings));
    OSIEKIT_ASSIGN(auto server, ServerLink::create(settings, ca_pem));
    ServerLink::Attributes attributes;
    if (settings.attributes) attributes = [] { return collect_attributes(); };
    std::unique_ptr<LogStream> output;
    if (settings.stream_logs) {
        output =
            std::make_unique<LogStream>(server->channel(), settings.id, log, LogStream::Timing());
        runner.stream_to(*output);
    }
    SignalWatch watch(stop, *server);
    runner.recover(journal);
    server->remember(journal.all());
    LoopParts parts{*server,
                    journal,
                    stop,
                    log,
                    attributes,
                    [&](const Action& action) { return runner.run(action); },
                    [&] {
                        return end_if_asked(shared_directory, log,
                                            [](int number) { return ::kill(1, number); });
                    },
                    settings.max_workflow_data};
    run_agent_loop(Protocol(make_backoff(settings), journal.all()), parts);
    // What still waits is sent, or said not to be.
    runner.finish();
    output.reset();
    log.info(stop.requested() ? "stopped" : "done: the machine is going down");
    return {};
}

int main(int argc, const char* const* argv) {
    if (argc == 3 && argv[1] == supervisor_command) return supervise(argv[2]);
    if (const Command* command = find_command(argc, argv)) return command->run(argc - 1, argv + 1);
    CommandLine command_line = parse_command_line(argc, argv);
    if (command_line.exit) return *command_line.exit;
    sigset_t blocked = SignalWatch::signals();
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    ::umask(022);
    Logger::Options options;
    options.fd = STDOUT_FILENO;
    auto settings = read_settings(command_line);
    if (!settings) {
        Logger(options).error(settings.error().to_string());
        return exit_status(settings.error());
    }
    options.level = settings->log_level;
    Logger log(options);
    for (const std::string& flag : settings->ignored)
        log.warning("--" + flag + " has no effect: " + std::string(why_without_effect(flag)));
    log.info("tink-worker " OSIEKIT_VERSION ": " + describe(*settings));
    export_proxies(*settings);
    if (auto done = run(*settings, log); !done) {
        log.error(done.error().to_string());
        return exit_status(done.error());
    }
    return 0;
}

}  // namespace
}  // namespace osiekit::agent

int main(int argc, char** argv) {
    return osiekit::agent::main(argc, argv);
}
