#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "server/app/server.hpp"

namespace {

int fail(const osiekit::Error& error) {
    std::fprintf(stderr, "osie-server: %s\n", error.to_string().c_str());
    return osiekit::exit_status(error);
}

}  // namespace

int main(int argc, char** argv) {
    using namespace osiekit;
    using namespace osiekit::server;
    // Signals are waited for, below; all threads inherit the mask.
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);

    // gRPC's own log lines tell what our errors say, in its words; GRPC_VERBOSITY brings them back.
    ::setenv("GRPC_VERBOSITY", "NONE", 0);
    Settings settings;
    auto parsed = parse_command_line(argc, argv, settings);
    if (!parsed) return fail(parsed.error());
    if (*parsed == Parsed::done) return 0;
    Logger log(Logger::Options{settings.log_level, settings.log_json, true, 2});
    auto server = OsieServer::start(settings, log);
    if (!server) return fail(server.error());
    log.info("ready: " + (*server)->listeners());

    int signal = 0;
    ::sigwait(&signals, &signal);
    log.info(std::string("stopping upon ") + (signal == SIGINT ? "SIGINT" : "SIGTERM"));
    server->reset();
    log.info("stopped");
    return 0;
}
