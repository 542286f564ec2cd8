#include <linux/sched.h>

#include <catch2/catch.hpp>

#include "lib/base/text.hpp"
#include "lib/sandbox/cgroup.hpp"
#include "lib/sandbox/levels.hpp"
#include "lib/sandbox/sandbox.hpp"
#include "lib/sandbox/start_internal.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;

namespace {

SandboxSpec minimal(Level level = Level::host) {
    SandboxSpec spec;
    spec.level = level;
    spec.rootfs = "/some/root";
    spec.argv = {"/bin/action"};
    return spec;
}

std::string refusal(SandboxSpec spec) {
    auto plan = make_plan(std::move(spec));
    REQUIRE(!plan);
    CHECK(plan.error().kind() == ErrorKind::invalid_input);
    return plan.error().to_string();
}

bool has_target(const Plan& plan, const std::string& target) {
    for (const auto& mount : plan.mounts)
        if (mount.target == target) return true;
    return false;
}

}  // namespace

TEST_CASE("a plan says no to what cannot be run") {
    auto spec = minimal();
    spec.argv.clear();
    CHECK(refusal(spec).find("no command") != std::string::npos);
    spec = minimal();
    spec.env = {"NOVALUE"};
    CHECK(refusal(spec).find("NOVALUE") != std::string::npos);
    spec = minimal();
    spec.cwd = "relative";
    CHECK(refusal(spec).find("working directory") != std::string::npos);
    spec = minimal();
    spec.rootfs = "relative";
    CHECK(refusal(spec).find("root directory") != std::string::npos);
    spec = minimal();
    spec.argv = {std::string("a\0b", 3)};
    CHECK(refusal(spec).find("NUL") != std::string::npos);
    spec = minimal();
    spec.limits.cpu_millis = 10;
    CHECK(make_plan(spec).ok());
    spec.limits.cpu_millis = 9;
    CHECK(refusal(spec).find("processor limit") != std::string::npos);
    for (const char* name : {"../up", ".hidden", "a/b", "a b"}) {
        spec = minimal();
        spec.cgroup = name;
        CHECK(refusal(spec).find("cgroup name") != std::string::npos);
    }
}

TEST_CASE("names are limited to what the kernel takes") {
    auto spec = minimal();
    spec.hostname = std::string(64, 'h');
    spec.cgroup = std::string(128, 'c');
    CHECK(make_plan(spec).ok());
    spec.hostname += 'h';
    CHECK(refusal(spec).find("host name") != std::string::npos);
    spec.hostname.pop_back();
    spec.cgroup += 'c';
    CHECK(refusal(spec).find("cgroup name") != std::string::npos);
}

TEST_CASE("volumes: where they may go") {
    auto with = [](std::string source, std::string target, Level level) {
        auto spec = minimal(level);
        Mount volume;
        volume.source = std::move(source);
        volume.target = std::move(target);
        spec.mounts.push_back(volume);
        return spec;
    };
    for (const char* target : {"/", "/proc", "/proc/sys", "/a/../proc/x", "//proc//y", "/../proc"})
        CHECK(refusal(with("/data", target, Level::host)).find("nothing can be mounted there") !=
              std::string::npos);
    CHECK(refusal(with("data", "/data", Level::host)).find("absolute") != std::string::npos);
    CHECK(make_plan(with("/data", "/processing", Level::restricted)).ok());
    for (const char* source : {"/", "/dev", "/dev/sda", "/proc", "/sys/kernel", "/x/../dev"}) {
        CHECK(refusal(with(source, "/data", Level::restricted)).find("restricted") !=
              std::string::npos);
        CHECK(make_plan(with(source, "/data", Level::disk)).ok());
    }
}

TEST_CASE("a volume takes the place of a default mount") {
    auto spec = minimal(Level::disk);
    spec.mounts.push_back({"/dev", "/dev"});
    auto plan = make_plan(spec);
    REQUIRE(plan);
    int at_dev = 0;
    for (const auto& mount : plan->mounts) at_dev += mount.target == "/dev" ? 1 : 0;
    CHECK(at_dev == 1);
    CHECK(!has_target(*plan, "/dev/shm"));
    CHECK(has_target(*plan, "/sys"));
    CHECK(make_plan(minimal(Level::disk))->mounts.size() == plan->mounts.size() + 2);
}

TEST_CASE("levels include each other") {
    std::uint64_t restricted = level_capabilities(Level::restricted);
    std::uint64_t disk = level_capabilities(Level::disk);
    std::uint64_t host = level_capabilities(Level::host);
    CHECK((restricted & disk) == restricted);
    std::uint64_t kexec = level_capabilities(Level::kexec);
    CHECK((disk & kexec) == disk);
    CHECK((kexec & host) == kexec);
    CHECK(make_plan(minimal(Level::restricted))->no_new_privileges);
    CHECK(!make_plan(minimal(Level::host))->no_new_privileges);
    CHECK(make_plan(minimal(Level::host))->masked.empty());
    CHECK(parse_level("disk").value() == Level::disk);
    CHECK(!parse_level("Disk"));
}

TEST_CASE("the host's PID namespace only on request") {
    auto spec = minimal();
    CHECK((make_plan(spec)->namespaces & CLONE_NEWPID) != 0);
    spec.host_pid = true;
    CHECK((make_plan(spec)->namespaces & CLONE_NEWPID) == 0);
}

TEST_CASE("networks by Docker's names") {
    for (Network network : all_networks) {
        CHECK(parse_network(to_string(network)).value() == network);
        auto spec = minimal();
        spec.network = network;
        auto plan = make_plan(spec).value();
        CHECK(((plan.namespaces & CLONE_NEWNET) != 0) == (network != Network::host));
        bool told = describe(plan).find("masquerade") != std::string::npos;
        CHECK(told == (network == Network::bridge));
    }
    for (const char* unknown : {"", "Host", "default", "container:x"})
        CHECK(!parse_network(unknown));
}

TEST_CASE("a described plan shows no secrets") {
    auto spec = minimal(Level::disk);
    spec.env = {"REGISTRY_PASSWORD=hunter2"};
    spec.mounts.push_back({"/worker", "/worker", true});
    std::string text = describe(make_plan(spec).value());
    CHECK(text.find("REGISTRY_PASSWORD") != std::string::npos);
    CHECK(text.find("hunter2") == std::string::npos);
    CHECK(text.find("bind   /worker on /worker (ro,recursive)") != std::string::npos);
    CHECK(text.find("CAP_SYS_ADMIN") != std::string::npos);
    CHECK(text.find("mask   /proc/kcore") != std::string::npos);
}

TEST_CASE("where a program is looked for") {
    CHECK(candidates_for("/bin/x", {}) == std::vector<std::string>{"/bin/x"});
    CHECK(candidates_for("x", {"PATH=/a::/b"}) == std::vector<std::string>{"/a/x", "./x", "/b/x"});
    CHECK(candidates_for("x", {}).size() == 6);
}

TEST_CASE("mountinfo: version 2 cgroups and the initial root") {
    std::string ordinary =
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
        "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
    CHECK(cgroup2_mount(ordinary) == std::filesystem::path("/sys/fs/cgroup"));
    CHECK(!root_is_initial(ordinary));
    std::string initramfs = "1 1 0:2 / / rw - rootfs rootfs rw,size=1k\n";
    CHECK(root_is_initial(initramfs));
    CHECK(!cgroup2_mount(initramfs));
    CHECK(!root_is_initial(initramfs + "50 1 0:2 / / rw - tmpfs tmpfs rw\n"));
    CHECK(!root_is_initial("nonsense\n\n- - -"));
}

TEST_CASE("how a program ended, in words") {
    CHECK(ExitStatus{3, 0, false}.describe() == "exit status 3");
    CHECK(ExitStatus{137, 9, true}.describe() == "killed by signal 9 (Killed): out of memory");
}
