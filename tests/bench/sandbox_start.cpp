// Times the life of one program again and again and prints each in microseconds, a line each:
//   bench_sandbox start LEVEL NETWORK CGROUP ROOT RUNS   /bin/true of ROOT, by lib/sandbox
//   bench_sandbox command RUNS PROGRAM ARGUMENT…         any command, such as another runtime
// In this process, as the agent does it; the commands too are started from here.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/text.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace {

using namespace osiekit;
using Clock = std::chrono::steady_clock;

int fail(const std::string& why) {
    std::fprintf(stderr, "bench_sandbox: %s\n", why.c_str());
    return 1;
}

int repeat(std::uint64_t runs, const std::function<std::string()>& once) {
    for (std::uint64_t run = 0; run < runs; ++run) {
        auto begin = Clock::now();
        std::string wrong = once();
        auto taken = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
        if (!wrong.empty()) return fail(wrong);
        std::printf("%lld\n", static_cast<long long>(taken.count()));
    }
    return 0;
}

int time_starts(char** argv, std::uint64_t runs) {
    sandbox::SandboxSpec spec;
    auto level = sandbox::parse_level(argv[2]);
    if (!level) return fail(level.error().to_string());
    spec.level = *level;
    auto network = sandbox::parse_network(argv[3]);
    if (!network) return fail(network.error().to_string());
    spec.network = *network;
    if (std::strcmp(argv[4], "-") != 0) spec.cgroup = argv[4];
    spec.rootfs = argv[5];
    spec.argv = {"/bin/true"};
    spec.env = {"PATH=/bin"};
    return repeat(runs, [&]() -> std::string {
        auto plan = sandbox::make_plan(spec);
        if (!plan) return plan.error().to_string();
        auto running = sandbox::start(*plan);
        if (!running) return running.error().to_string();
        auto status = running->wait();
        if (!status) return status.error().to_string();
        return status->success() ? std::string() : status->describe();
    });
}

int time_command(char** argv, std::uint64_t runs) {
    return repeat(runs, [&]() -> std::string {
        pid_t pid = 0;
        int status = 0;
        if (::posix_spawnp(&pid, argv[3], nullptr, nullptr, argv + 3, environ) != 0)
            return std::string("cannot run ") + argv[3];
        if (::waitpid(pid, &status, 0) != pid || status != 0)
            return std::string(argv[3]) + " failed";
        return {};
    });
}

}  // namespace

int main(int argc, char** argv) {
    bool starts = argc == 7 && std::strcmp(argv[1], "start") == 0;
    bool command = argc >= 4 && std::strcmp(argv[1], "command") == 0;
    if (!starts && !command)
        return fail("usage: start LEVEL NETWORK CGROUP ROOT RUNS | command RUNS PROGRAM ARGUMENT…");
    auto runs = parse_u64(starts ? argv[6] : argv[2]);
    if (!runs || *runs == 0) return fail("RUNS is a number above 0");
    return starts ? time_starts(argv, *runs) : time_command(argv, *runs);
}
