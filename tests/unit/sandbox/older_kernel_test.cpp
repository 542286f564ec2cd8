// What becomes of a sandbox where the kernel, or a filter around the agent, lacks a system call.
#include <sys/syscall.h>

#include <csignal>

#include "lib/sandbox/cgroup.hpp"
#include "lib/sandbox/needed_calls.hpp"
#include "tests/unit/kernel/without_call.hpp"
#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;
using osiekit::test::without_call;

namespace {

// What the probe reports, without what differs from one start to the next: numbers of mounts and of
// namespaces, names of the test's files, counters.
std::vector<std::string> seen_by(const SandboxSpec& spec) {
    Outcome outcome = run(spec);
    std::vector<std::string> kept;
    for (const std::string& line : outcome.lines) {
        auto words = split_words(line);
        if (words.empty() || words[0] == "ns") continue;
        if (words[0] == "cgroup" && line.rfind("cgroup 0::", 0) != 0) continue;  // version 1
        if (words[0] == "mount")
            kept.push_back("mount " + std::string(words.at(5)) + " " + std::string(words.at(6)));
        else if (words[0] == "fd")
            kept.push_back("fd " + std::string(words.at(1)));
        else if (words[0] != "status")
            kept.push_back(line);
    }
    for (const char* name :
         {"Uid", "Gid", "Groups", "NSpid", "NSsid", "Threads", "SigBlk", "SigIgn", "SigCgt",
          "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"})
        kept.push_back(name + outcome.one(std::string("status ") + name + ":"));
    return kept;
}

void check_own_namespaces(const SandboxSpec& spec) {
    Outcome outcome = run(spec);
    for (const std::string kind : {"mnt", "pid", "ipc", "uts", "net", "cgroup"})
        CHECK(outcome.one("ns " + kind + " ") !=
              std::filesystem::read_symlink("/proc/self/ns/" + kind).string());
}

SandboxSpec restricted(const Root& root) {
    auto spec = root.spec(Level::restricted, {"report"});
    spec.network = Network::none;
    spec.cgroup = "older-kernel-" + std::to_string(::getpid());
    return spec;
}

}  // namespace

TEST_CASE("without clone3 a program starts, and sees what it sees with it") {
    Root root;
    for (Level level : {Level::restricted, Level::host}) {
        auto spec = restricted(root);
        spec.level = level;
        auto with = seen_by(spec);
        auto without = without_call(SYS_clone3, [&] {
            check_own_namespaces(spec);
            return seen_by(spec);
        });
        CHECK(without == with);
    }
}

TEST_CASE("without clone3 a program has users of its own") {
    Root root;
    auto spec = restricted(root);
    spec.users.emplace();
    spec.rootfs_is_mapped = true;
    for (const auto& path : {root.dir.path(), root.dir / "probe"})
        REQUIRE(::chown(path.c_str(), spec.users->first_user, spec.users->first_group) == 0);
    CHECK(without_call(SYS_clone3, [&] { return seen_by(spec); }) == seen_by(spec));
}

TEST_CASE("without clone3 a program is in its cgroup, and is killed with what it has started") {
    Root root;
    TempDir dir = TempDir::create("sandbox-out").value();
    Fd file = open_file(dir / "out", O_RDWR | O_CREAT).value();
    auto spec = restricted(root);
    spec.argv = {"/probe", "family"};
    spec.host_pid = true;
    spec.stdout_fd = spec.stderr_fd = file.get();
    auto group = cgroup2_mount(read_file("/proc/self/mountinfo").value());
    REQUIRE(group);
    auto members = [&] {
        auto text = read_file(*group / "osie" / spec.cgroup / "cgroup.procs");
        return text ? split_words(*text).size() : 0;
    };
    without_call(SYS_clone3, [&] {
        auto plan = make_plan(spec).value();
        auto running = start(plan).value();
        CHECK(running.notes().empty());
        std::string own = read_file("/proc/" + std::to_string(running.pid()) + "/cgroup").value();
        CHECK(own.find("/osie/" + spec.cgroup + "\n") != std::string::npos);
        // The program says so when its grandchild is there.
        for (int i = 0; i < 3000 && read_file(dir / "out").value().empty(); ++i) ::usleep(10000);
        CHECK(members() == 2);
        CHECK(running.kill_all());
        CHECK(running.wait().value().signal == SIGKILL);
    });
    CHECK_FALSE(std::filesystem::exists(*group / "osie" / spec.cgroup));
}

TEST_CASE("without keyrings a program starts, and sees what it sees with them") {
    Root root;
    auto spec = restricted(root);
    CHECK(without_call(SYS_keyctl, [&] { return seen_by(spec); }) == seen_by(spec));
}

TEST_CASE("every call that a sandbox cannot do without is named where it is missing") {
    Root root;
    auto spec = restricted(root);
    auto group = cgroup2_mount(read_file("/proc/self/mountinfo").value());
    REQUIRE(group);
    std::string before = read_file("/proc/self/mountinfo").value();
    for (const NeededCall& call : needed_calls) {
        INFO(call.name);
        CHECK_FALSE(is_missing(call.number));
        auto refused = without_call(static_cast<int>(call.number), [&] { return try_run(spec); });
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind() == ErrorKind::unsupported);
        CHECK(refused.error().to_string() == "starting the sandbox: the kernel lacks " +
                                                 std::string(call.name) + " (Linux " + call.since +
                                                 ") (hint: " + refused.error().hint() + ")");
        CHECK_FALSE(std::filesystem::exists(*group / "osie" / spec.cgroup));
    }
    CHECK(read_file("/proc/self/mountinfo").value() == before);
}
