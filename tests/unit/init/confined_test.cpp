// Services with a sandbox: real ones, so as root.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "init/services/confined.hpp"
#include "lib/sandbox/levels.hpp"
#include "tests/unit/init/service_bench.hpp"

using namespace osiekit;
using namespace osiekit::init;
using osiekit::init::test::Bench;

namespace {

// A shell's script as a service that may write to the bench's folder.
ServiceSpec confined(const Bench& bench, const std::string& script) {
    REQUIRE(::geteuid() == 0);
    ServiceSpec service{"unit-test", {"/bin/sh", "-c", script}};
    service.sandbox.emplace();
    service.sandbox->writable = {bench.folder / "state"};
    return service;
}

const std::string forever = "exec sleep 1000";

std::uint64_t own_capabilities() {
    std::string text = read_file("/proc/self/status").value();
    return std::stoull(text.substr(text.find("CapPrm:") + 7), nullptr, 16);
}

// Processes whose command line has this text.
int processes_with(const std::string& text) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        auto line = read_file(entry.path() / "cmdline");
        if (line && line->find(text) != std::string::npos) ++count;
    }
    return count;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

}  // namespace

TEST_CASE("A service with a sandbox has what its level gives, and no more") {
    Bench bench;
    bench.supervisor.start({confined(
        bench,
        "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t' ' '; "
        "echo home=$HOME pid=$$; (: > /new); echo own > /run/own && echo /run is its own; : > " +
            (bench.folder / "state/written").string() + "; " + forever)});
    bench.run_until([&] { return std::filesystem::exists(bench.folder / "state/written"); });
    bench.stop_all();
    char expected[64];
    std::snprintf(
        expected, sizeof expected, "%016llx",
        static_cast<unsigned long long>(sandbox::level_capabilities(sandbox::Level::restricted) &
                                        own_capabilities()));
    CHECK(bench.has("unit-test: CapEff: " + std::string(expected)));
    CHECK(bench.has("unit-test: CapBnd: " + std::string(expected)));
    CHECK(bench.has("unit-test: NoNewPrivs: 1"));
    CHECK(bench.has("unit-test: Seccomp: 2"));
    CHECK(bench.has("unit-test: home=/root pid=1"));
    CHECK(bench.has("cannot create /new: Read-only file system"));
    CHECK(bench.has("unit-test: /run is its own"));
    CHECK_FALSE(std::filesystem::exists("/run/own"));
}

TEST_CASE("A service with a sandbox runs as its user") {
    Bench bench;
    ServiceSpec service = confined(
        bench, "echo $(id -u):$(id -g) $(grep CapEff /proc/self/status | tr '\\t' ' '); : > " +
                   (bench.folder / "state/written").string() + "; " + forever);
    service.sandbox->uid = 1234;
    service.sandbox->gid = 5678;
    bench.supervisor.start({service});
    bench.run_until([&] { return std::filesystem::exists(bench.folder / "state/written"); });
    bench.stop_all();
    CHECK(bench.has("unit-test: 1234:5678 CapEff: 0000000000000000"));
}

TEST_CASE("What a service with a sandbox leaves behind is killed, and it is started again") {
    Bench bench;
    const std::string mark = bench.folder / "state";
    bench.supervisor.start(
        {confined(bench, "test -e " + mark + "/again && { : > " + mark + "/running; " + forever +
                             "; }; : > " + mark + "/again; setsid sh -c 'sleep 1000; exit' " +
                             mark + "-left & exit 3")});
    bench.wait_for("unit-test ended with status 3; starting it again in 0.200 s");
    CHECK(processes_with(mark + "-left") == 0);
    bench.run_until([&] { return std::filesystem::exists(mark + "/running"); });
    CHECK(bench.supervisor.running());
    bench.stop_all();
    CHECK_FALSE(std::filesystem::exists("/sys/fs/cgroup/osie/service-unit-test"));
}

TEST_CASE("A service with a sandbox ends when it is asked to, in its own way or at once") {
    for (bool minds : {true, false}) {
        Bench bench;
        std::string ready = bench.folder / "state/ready";
        std::string script =
            minds ? "trap 'echo asked to end; exit 4' TERM; : > " + ready + "; sleep 1000 & wait"
                  : ": > " + ready + "; " + forever;
        bench.supervisor.start({confined(bench, script)});
        bench.run_until([&] { return std::filesystem::exists(ready); });
        bench.stop_all();
        CHECK(bench.has("unit-test: asked to end") == minds);
        CHECK(bench.has(minds ? "unit-test ended with status 4"
                              : "unit-test was ended by signal SIGKILL"));
    }
}

TEST_CASE("A sandbox that cannot be made is an error in the log, and tried again") {
    Bench bench;
    ServiceSpec service = confined(bench, forever);
    service.sandbox->writable = {"/proc/sys"};
    ServiceSpec missing = confined(bench, forever);
    missing.name = "missing";
    missing.command = {"/nonexistent/program"};
    bench.supervisor.start({service, missing});
    bench.run_until([&] {
        std::string log = read_file(bench.folder / "log").value();
        return count_of(log, "unit-test: planning the sandbox: volume /proc/sys") >= 2 &&
               count_of(log, "missing: starting the sandbox: ") >= 2;
    });
    CHECK_FALSE(bench.supervisor.running());
    CHECK(bench.has("/nonexistent/program"));
    bench.stop_all();
}

TEST_CASE("Whether a process minds a signal") {
    const std::string nothing =
        "Name:\tx\nSigQ:\t0/1\nSigPnd:\tffffffffffffffff\nShdPnd:\tffffffffffffffff\n"
        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000180010000\n";
    CHECK_FALSE(minds_signal(nothing, SIGTERM));
    CHECK(minds_signal(nothing, SIGCHLD));
    for (const char* key : {"SigBlk:", "SigIgn:", "SigCgt:"}) {
        std::string text = nothing;
        text.replace(text.find(key) + 8, 16, "0000000000004000");
        CHECK(minds_signal(text, SIGTERM));
        CHECK_FALSE(minds_signal(text, SIGINT));
    }
    CHECK_FALSE(minds_signal("", SIGTERM));
    CHECK_FALSE(minds_signal("SigCgt:", SIGTERM));
    CHECK(minds_signal("SigCgt:\t8000000000000000", 64));
}
