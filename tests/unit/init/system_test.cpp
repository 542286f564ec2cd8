#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>

#include "init/boot.hpp"
#include "init/system/clock.hpp"
#include "init/system/event_loop.hpp"
#include "init/system/mounts.hpp"
#include "init/system/shutdown.hpp"
#include "lib/base/bytes.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::init;

namespace {

struct RecordingCalls final : MountCalls {
    std::vector<std::string> made;
    std::vector<std::string> mounted;
    std::string refuse;

    Status make_folder(const std::string& path) override {
        made.push_back(path);
        return {};
    }
    Status mount(const Mount& mount) override {
        if (mount.target == refuse) return Error::from_errno("mounting", ENODEV);
        mounted.emplace_back(mount.target);
        return {};
    }
};

// An answer of a server as it should be.
std::string sntp_answer(std::uint64_t cookie, std::uint32_t seconds, std::uint32_t fraction) {
    ByteWriter writer;
    writer.u8(0x24);
    writer.u8(2);
    writer.zeros(22);
    writer.u32(static_cast<std::uint32_t>(cookie >> 32U));
    writer.u32(static_cast<std::uint32_t>(cookie));
    writer.zeros(8);
    writer.u32(seconds);
    writer.u32(fraction);
    return std::move(writer.bytes());
}

}  // namespace

TEST_CASE("File systems are mounted in order; only required ones are fatal") {
    BootLog log;
    RecordingCalls calls;
    REQUIRE(mount_all(mount_table(), calls, log));
    CHECK(calls.mounted.front() == "/dev");
    CHECK(calls.mounted.size() == mount_table().size());
    CHECK(calls.made == calls.mounted);
    calls = {};
    calls.refuse = "/sys/fs/cgroup";
    CHECK(mount_all(mount_table(), calls, log));
    CHECK(calls.mounted.size() == mount_table().size() - 1);
    calls = {};
    calls.refuse = "/proc";
    CHECK_FALSE(mount_all(mount_table(), calls, log));
}

TEST_CASE("All controllers are handed down") {
    auto root = TempDir::create();
    REQUIRE(root);
    REQUIRE(write_file(*root / "cgroup.controllers", "cpu memory pids\n"));
    REQUIRE(write_file(*root / "cgroup.subtree_control", ""));
    REQUIRE(enable_cgroup_controllers(root->path()));
    CHECK(*read_file(*root / "cgroup.subtree_control") == "+cpu+memory+pids");
    CHECK_FALSE(enable_cgroup_controllers("/nonexistent"));
}

TEST_CASE("Signals have their meaning") {
    CHECK(goal_of_signal(SIGTERM) == Goal::reboot);
    CHECK(goal_of_signal(SIGINT) == Goal::reboot);
    CHECK(goal_of_signal(SIGUSR1) == Goal::halt);
    CHECK(goal_of_signal(SIGUSR2) == Goal::power_off);
    CHECK(goal_of_signal(SIGRTMIN + 6) == Goal::kexec);
    CHECK_FALSE(goal_of_signal(SIGRTMIN + 5));
    CHECK(kernel_is_loaded("1\n"));
    CHECK_FALSE(kernel_is_loaded("0\n"));
    CHECK_FALSE(kernel_is_loaded(""));
    CHECK_FALSE(goal_of_signal(SIGCHLD));
    CHECK_FALSE(goal_of_signal(SIGHUP));
}

TEST_CASE("What holds data is unmounted, last mounted first") {
    std::vector<std::string> targets = mounts_to_end(
        "rootfs / rootfs rw 0 0\n"
        "proc /proc proc rw 0 0\n"
        "tmpfs /run tmpfs rw 0 0\n"
        "/dev/vda1 /mnt ext4 rw 0 0\n"
        "/dev/vda2 /mnt/my\\040disk xfs rw 0 0\n"
        "overlay /statedir/a overlay rw 0 0\n"
        "broken\n\n");
    CHECK(targets == std::vector<std::string>{"/statedir/a", "/mnt/my disk", "/mnt"});
    CHECK(mounts_to_end("").empty());
}

TEST_CASE("Steps run in order; a required one that fails ends them") {
    BootLog log;
    std::vector<std::string> ran;
    auto step = [&](const char* name, bool required, bool fails) {
        return Step{name, required, [&ran, name, fails]() -> Status {
                        ran.emplace_back(name);
                        if (fails) return Error(ErrorKind::io, "it broke");
                        return {};
                    }};
    };
    auto summary =
        run_steps({step("a", true, false), step("b", false, true), step("c", true, false)}, log);
    REQUIRE(summary);
    CHECK(summary->find("a ") == 0);
    CHECK(ran == std::vector<std::string>{"a", "b", "c"});
    ran.clear();
    auto failed = run_steps({step("a", true, true), step("b", true, false)}, log);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string() == "a: it broke");
    CHECK(ran == std::vector<std::string>{"a"});
}

TEST_CASE("Timers run in order, cancelled ones do not, and an exception ends only its callback") {
    BootLog log;
    EventLoop loop(log);
    REQUIRE(loop.open());
    std::string order;
    loop.after(Milliseconds(300), [&] { loop.stop(); });
    loop.after(Milliseconds(200), [&] { order += "b"; });
    EventLoop::TimerId cancelled = loop.after(Milliseconds(100), [&] { order += "x"; });
    loop.after(Milliseconds(-5), [&] {
        order += "a";
        throw std::bad_alloc();
    });
    loop.cancel(cancelled);
    loop.cancel(0);
    loop.run();
    CHECK(order == "ab");
}

TEST_CASE("A callback may stop watching itself") {
    BootLog log;
    EventLoop loop(log);
    REQUIRE(loop.open());
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    int calls = 0;
    REQUIRE(loop.watch(read_end.get(), [&] {
        ++calls;
        loop.unwatch(read_end.get());
        loop.after(Milliseconds(5), [&] { loop.stop(); });
    }));
    REQUIRE(write_all(write_end.get(), "x"));
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("SNTP questions and answers") {
    std::string request = sntp_request(0x0102030405060708ULL);
    CHECK(request.size() == sntp_packet);
    CHECK(to_hex(request.substr(0, 1)) == "23");
    CHECK(to_hex(request.substr(40)) == "0102030405060708");
    // 2023-11-14 22:13:20.5 UTC
    auto time = parse_sntp_reply(sntp_answer(5, 3908988800U, 0x80000000U), 5);
    REQUIRE(time);
    CHECK(*time == 1700000000500000000LL);
    // The second era, from 2036 on.
    CHECK(*parse_sntp_reply(sntp_answer(5, 100, 0), 5) ==
          (4294967296LL + 100 - 2208988800LL) * 1000000000LL);
}

TEST_CASE("Unusable SNTP answers are refused") {
    std::string good = sntp_answer(5, 3900000000U, 0);
    REQUIRE(parse_sntp_reply(good, 5));
    CHECK_FALSE(parse_sntp_reply(good, 6));
    CHECK_FALSE(parse_sntp_reply(good.substr(0, sntp_packet - 1), 5));
    CHECK_FALSE(parse_sntp_reply("", 5));
    std::string bad = good;
    bad[0] = '\x23';  // a client's packet
    CHECK_FALSE(parse_sntp_reply(bad, 5));
    bad[0] = '\xe4';  // not synchronised
    CHECK_FALSE(parse_sntp_reply(bad, 5));
    bad = good;
    bad[1] = 0;  // kiss of death
    CHECK_FALSE(parse_sntp_reply(bad, 5));
    bad[1] = 15;
    CHECK(parse_sntp_reply(bad, 5));
    bad[1] = 16;
    CHECK_FALSE(parse_sntp_reply(bad, 5));
    CHECK_FALSE(parse_sntp_reply(sntp_answer(5, 0, 7), 5));
}

TEST_CASE("Durations are written for people") {
    CHECK(seconds_text(0) == "0.000 s");
    CHECK(seconds_text(4213) == "4.213 s");
}
