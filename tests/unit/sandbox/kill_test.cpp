#include <linux/reboot.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "lib/sandbox/cgroup.hpp"
#include "lib/sandbox/processes.hpp"
#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;

namespace {

struct Pipe {
    Fd read;
    Fd write;
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
};

// Starts the program that has a daemon as grandchild and waits until all of them exist.
Running start_family(const SandboxSpec& wanted, Pipe& out) {
    SandboxSpec spec = wanted;
    spec.stdout_fd = out.write.get();
    spec.stderr_fd = out.write.get();
    auto running = start(make_plan(spec).value());
    if (!running) FAIL(running.error().to_string());
    std::array<char, 6> ready{};
    REQUIRE(::read(out.read.get(), ready.data(), ready.size()) == 6);
    out.write.reset();
    return *std::move(running);
}

// An agent in a process of its own, and the program that it started and that is ready.
std::pair<pid_t, pid_t> start_in_agent(SandboxSpec spec, Pipe& out) {
    Pipe number;
    pid_t agent = ::fork();
    REQUIRE(agent >= 0);
    if (agent == 0) {
        spec.stdout_fd = spec.stderr_fd = out.write.get();
        auto running = start(make_plan(std::move(spec)).value());
        if (!running) ::_exit(1);
        pid_t pid = running->pid();
        if (::write(number.write.get(), &pid, sizeof pid) != sizeof pid) ::_exit(1);
        static_cast<void>(running->wait().ok());
        ::_exit(0);
    }
    out.write.reset();
    number.write.reset();
    pid_t pid = 0;
    REQUIRE(::read(number.read.get(), &pid, sizeof pid) == sizeof pid);
    std::array<char, 6> ready{};
    REQUIRE(::read(out.read.get(), ready.data(), ready.size()) == 6);
    return {agent, pid};
}

// The pipe ends when the last process that holds it is gone.
void expect_all_gone(Pipe& out) {
    char byte = 0;
    CHECK(::read(out.read.get(), &byte, 1) == 0);
}

std::filesystem::path cgroup_base() {
    auto base = cgroup2_mount(read_file("/proc/self/mountinfo").value());
    REQUIRE(base.has_value());
    return *base;
}

}  // namespace

TEST_CASE("kill_all reaches grandchildren in sessions of their own") {
    Root root;
    for (bool host_pid : {false, true})
        for (const char* group : {"", "unit-test-kill"}) {
            INFO("host_pid " << host_pid << " cgroup '" << group << "'");
            auto spec = root.spec(Level::host, {"family"});
            spec.host_pid = host_pid;
            spec.cgroup = group;
            Pipe out;
            Running running = start_family(spec, out);
            CHECK(running.notes().empty());
            REQUIRE(running.kill_all().ok());
            CHECK(running.wait().value().signal == SIGKILL);
            expect_all_gone(out);
        }
}

TEST_CASE("the destructor kills, and removes the cgroup") {
    Root root;
    auto spec = root.spec(Level::host, {"family"});
    spec.cgroup = "unit-test-destroy";
    spec.host_pid = true;
    std::filesystem::path group = cgroup_base() / "osie" / spec.cgroup;
    Pipe out;
    {
        Running running = start_family(spec, out);
        CHECK(std::filesystem::exists(group));
        CHECK(!read_file(group / "cgroup.procs").value().empty());
    }
    expect_all_gone(out);
    CHECK(!std::filesystem::exists(group));
}

TEST_CASE("a timeout passes, then waiting goes on; the status stays") {
    Root root;
    auto spec = root.spec(Level::host, {"family"});
    Pipe out;
    Running running = start_family(spec, out);
    auto early = running.wait(std::chrono::milliseconds(1));
    REQUIRE(!early);
    CHECK(early.error().kind() == ErrorKind::limit);
    pollfd not_yet{running.fd(), POLLIN, 0};
    CHECK(::poll(&not_yet, 1, 0) == 0);
    REQUIRE(running.kill_all().ok());
    CHECK(running.wait().value().signal == SIGKILL);
    CHECK(running.wait(std::chrono::milliseconds(0)).value().signal == SIGKILL);
}

TEST_CASE("moving keeps the program alive") {
    Root root;
    Pipe out;
    Running first = start_family(root.spec(Level::host, {"family"}), out);
    Running second = std::move(first);
    CHECK(!second.wait(std::chrono::milliseconds(0)));
    REQUIRE(second.kill_all().ok());
    CHECK(second.wait().value().signal == SIGKILL);
}

TEST_CASE("limits without a controller are notes, not failures") {
    Root root;
    auto spec = root.spec(Level::host, {"exit", "0"});
    spec.cgroup = "unit-test-limits";
    spec.limits.memory_bytes = 64U << 20U;
    spec.limits.processes = 50;
    spec.limits.cpu_millis = 1500;
    spec.limits.io_bytes_per_second = 100U << 20U;
    auto running = start(make_plan(spec).value());
    REQUIRE(running);
    auto controllers = read_file(cgroup_base() / "cgroup.controllers").value();
    auto words = split_words(controllers);
    std::size_t missing = 0;
    for (const char* name : {"memory", "pids", "cpu", "io"})
        missing += std::count(words.begin(), words.end(), std::string_view(name)) == 0 ? 1 : 0;
    CHECK(running->notes().size() == missing);
    CHECK(running->wait().value().success());
}

TEST_CASE("without cgroups of version 2 a limit is not enforced, and that is said") {
    // Wherever they are; what lies below a mount that is gone is gone as well.
    auto unmount_cgroups = [] {
        for (bool more = true; more;) {
            more = false;
            std::string mounts = read_file("/proc/thread-self/mountinfo").value();
            for (std::string_view line : split(mounts, '\n'))
                if (line.find(" - cgroup") != std::string_view::npos)
                    more = ::umount2(std::string(split_words(line)[4]).c_str(), MNT_DETACH) == 0 ||
                           more;
        }
        (void)::umount2("/sys/fs/cgroup", MNT_DETACH);
    };
    Root root;
    auto spec = root.spec(Level::restricted, {"exit", "0"});
    spec.cgroup = "unit-test-none";
    spec.limits.memory_bytes = 64U << 20U;
    // A machine with version 1 alone, and one with none: in threads with mounts of their own.
    for (bool version_1 : {true, false}) {
        auto notes = std::async(std::launch::async, [&] {
                         REQUIRE(::unshare(CLONE_FS | CLONE_NEWNS) == 0);
                         REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
                         unmount_cgroups();
                         if (version_1)
                             REQUIRE(::mount("none", "/sys/fs/cgroup", "cgroup", 0,
                                             "none,name=osiekit-test") == 0);
                         auto running = start(make_plan(spec).value());
                         REQUIRE(running);
                         CHECK(running->wait().value().success());
                         return running->notes();
                     }).get();
        REQUIRE(notes.size() == 1);
        CHECK(notes[0].find(version_1 ? "only cgroups of version 1" : "no cgroups") == 0);
        CHECK(notes[0].find("not enforced") != std::string::npos);
    }
}

TEST_CASE("a cgroup that a killed agent left is cleaned and used") {
    Root root;
    std::vector<std::string> notes;
    auto old = Cgroup::create(cgroup_base(), "unit-test-left", {}, notes);
    REQUIRE(old);
    std::filesystem::create_directory(old->path() / "nested");
    auto spec = root.spec(Level::host, {"exit", "0"});
    spec.cgroup = "unit-test-left";
    CHECK(run(spec).status.success());
    CHECK(!std::filesystem::exists(old->path()));
}

TEST_CASE("the action dies with the agent") {
    Root root;
    for (bool host_pid : {false, true}) {
        INFO("host_pid " << host_pid);
        Pipe out;
        auto spec = root.spec(Level::host, {"family"});
        spec.host_pid = host_pid;
        auto [agent, first] = start_in_agent(spec, out);
        std::vector<pid_t> family = processes_in(mount_namespace(first).value());
        REQUIRE(family.size() == 2);
        Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, first, 0)));
        REQUIRE(pidfd);
        ::kill(agent, SIGKILL);
        ::waitpid(agent, nullptr, 0);
        pollfd gone{pidfd.get(), POLLIN, 0};
        CHECK(::poll(&gone, 1, -1) == 1);
        if (host_pid) {
            // Its daemon survives here by design: without a PID namespace only a cgroup can hold
            // it.
            for (pid_t pid : family)
                if (pid != first) ::kill(pid, SIGKILL);
        }
        expect_all_gone(out);
    }
}

TEST_CASE("the action survives the agent where it is asked for") {
    Root root;
    Pipe out;
    auto spec = root.spec(Level::host, {"answer"});
    spec.die_with_parent = false;
    auto [agent, pid] = start_in_agent(spec, out);
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    REQUIRE(pidfd);
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);
    // A SIGKILL of the agent's end would come before this one.
    CHECK(::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGUSR1, nullptr, 0) == 0);
    std::array<char, 6> said{};
    CHECK(::read(out.read.get(), said.data(), said.size()) == 6);
    CHECK(std::string(said.data(), 5) == "alive");
    expect_all_gone(out);
}

TEST_CASE("a program that was given up goes on") {
    Root root;
    auto spec = root.spec(Level::host, {"answer"});
    spec.die_with_parent = false;
    Pipe out;
    pid_t pid = 0;
    {
        Running running = start_family(spec, out);
        pid = running.pid();
        std::move(running).detach();
    }
    CHECK(::kill(pid, SIGUSR1) == 0);
    int status = -1;
    CHECK(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
}

TEST_CASE("an agent with many threads can start actions") {
    Root root;
    std::atomic<bool> stop = false;
    std::vector<std::thread> busy;
    for (int i = 0; i < 4; ++i)
        busy.emplace_back([&] {
            while (!stop) std::string(1000, 'x').append(std::string(1000, 'y'));
        });
    for (int i = 0; i < 20; ++i) CHECK(run(root.spec(Level::host, {"exit", "3"})).status.code == 3);
    stop = true;
    for (std::thread& thread : busy) thread.join();
}

TEST_CASE("reboot(2) ends the program at most, and is told of") {
    Root root;
    auto asked = [&](Level level, unsigned command) {
        return run(root.spec(level, {"reboot", std::to_string(command)}));
    };
    constexpr std::array<unsigned, 4> commands = {LINUX_REBOOT_CMD_RESTART,
                                                  LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_HALT,
                                                  LINUX_REBOOT_CMD_KEXEC};
    for (unsigned command : commands) {
        INFO(std::hex << command);
        for (Level level : {Level::restricted, Level::disk}) {
            Outcome refused = asked(level, command);
            CHECK(refused.one("errno ") == std::to_string(EPERM));
            CHECK_FALSE(refused.status.asked_for_reboot);
        }
        for (Level level : {Level::kexec, Level::host}) {
            Outcome outcome = asked(level, command);
            if (command == LINUX_REBOOT_CMD_KEXEC) {
                CHECK(outcome.one("errno ") == std::to_string(EINVAL));
                CHECK(outcome.status.success());
                continue;
            }
            int signal = command == LINUX_REBOOT_CMD_RESTART ? SIGHUP : SIGINT;
            CHECK(outcome.status.signal == signal);
            CHECK(outcome.status.asked_for_reboot);
            CHECK(outcome.status.describe() ==
                  "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) +
                      "): it called reboot(2), which ends only its own PID namespace");
        }
    }
}
