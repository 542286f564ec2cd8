// Programs that run from the machine's own root, as services do.
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;

namespace {

SandboxSpec on_the_machine(Level level, std::vector<std::string> arguments) {
    REQUIRE(::geteuid() == 0);
    SandboxSpec spec;
    spec.level = level;
    spec.rootfs = "/";
    spec.shares_root = true;
    spec.argv = {machine_probe()};
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    return spec;
}

std::string errno_of_write(Level level, const std::string& path, const std::string& volume = "") {
    auto spec = on_the_machine(level, {"write", path, "x"});
    if (!volume.empty()) spec.mounts.push_back({volume, volume});
    return run(spec).one("errno ");
}

const std::string read_only = std::to_string(EROFS);

}  // namespace

TEST_CASE("below level host a program cannot change the machine's root") {
    TempDir dir = TempDir::create("machine-root").value();
    std::string file = dir / "file";
    REQUIRE(write_file(file, "before"));
    for (Level level : {Level::restricted, Level::disk, Level::kexec}) {
        INFO(to_string(level));
        CHECK(errno_of_write(level, machine_probe()) == read_only);
        CHECK(errno_of_write(level, "/run/osiekit-test-file") == "0");
        CHECK(errno_of_write(level, "/tmp/osiekit-test-file") == "0");
        CHECK_FALSE(std::filesystem::exists("/run/osiekit-test-file"));
        CHECK_FALSE(std::filesystem::exists("/tmp/osiekit-test-file"));
        CHECK(errno_of_write(level, file, dir.path()) == "0");
        CHECK(read_file(file).value() == "x");
        REQUIRE(write_file(file, "before"));
    }
    CHECK(errno_of_write(Level::host, file) == "0");
    CHECK(read_file(file).value() == "x");
}

TEST_CASE("the plan tells of the machine's root") {
    auto text = [](Level level) {
        return describe(make_plan(on_the_machine(level, {"report"})).value());
    };
    CHECK(text(Level::restricted).find("root   / (ro,nosuid,nodev)") != std::string::npos);
    CHECK(text(Level::disk).find("root   / (ro)") != std::string::npos);
    CHECK(text(Level::disk).find("mount  tmpfs on /run (rw,nosuid,nodev,mode=1777,size=64m)") !=
          std::string::npos);
    CHECK(text(Level::host).find("root   / (rw)") != std::string::npos);
    CHECK(text(Level::host).find("on /run") == std::string::npos);
}

TEST_CASE("a program that cannot be read is given up after the limit") {
    Root root;
    auto plan = make_plan(root.spec(Level::restricted, {"exit", "3"})).value();
    std::string program = root.dir / "probe";
    ::signal(SIGIO, SIG_IGN);  // "somebody wants the file"
    {
        // Whoever executes the file waits until the lease is given back: 45 seconds or more.
        Fd lease = open_file(program, O_RDWR).value();
        REQUIRE(::fcntl(lease.get(), F_SETLEASE, F_WRLCK) == 0);
        auto running = start(plan, std::chrono::milliseconds(200));
        REQUIRE(!running);
        CHECK(running.error().kind() == ErrorKind::limit);
        CHECK(running.error().to_string().find("has not started within 200 ms") !=
              std::string::npos);
        CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
        CHECK(errno == ECHILD);
    }
    ::signal(SIGIO, SIG_DFL);
    auto running = start(plan, std::chrono::minutes(10));
    REQUIRE(running);
    CHECK(running->wait()->code == 3);
}
