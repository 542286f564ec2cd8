#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>

#include "lib/base/text.hpp"
#include "lib/sandbox/syscalls.hpp"
#include "tests/unit/sandbox/bpf.hpp"
#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t native = AUDIT_ARCH_X86_64;
constexpr std::uint32_t foreign = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t foreign = AUDIT_ARCH_X86_64;
#endif
constexpr int beyond_any_call = 1000;

struct Numbered {
    std::string name;
    int number;
    CallGroup group;
};

// The calls of the table that this architecture has.
std::vector<Numbered> native_calls() {
    std::size_t count = 0;
    const Call* calls = call_table(count);
    std::vector<Numbered> found;
    for (const Call* call = calls; call != calls + count; ++call) {
        std::string name(call->name);
        int number = ::seccomp_syscall_resolve_name(name.c_str());
        if (number >= 0) found.push_back({name, number, call->group});
    }
    REQUIRE(found.size() > 250);
    return found;
}

}  // namespace

TEST_CASE("every system call that libseccomp knows here is classified, once") {
    std::set<std::string_view> names;
    std::size_t count = 0;
    const Call* calls = call_table(count);
    for (const Call* call = calls; call != calls + count; ++call) {
        INFO(call->name);
        CHECK(names.insert(call->name).second);
    }
    for (int number = 0; number < beyond_any_call; ++number) {
        char* name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        if (name == nullptr) continue;
        INFO(name);
        CHECK(names.count(name) == 1);
        std::free(name);
    }
}

TEST_CASE("the filters answer as the table says") {
    for (Level level : all_levels)
        for (const Numbered& call : native_calls()) {
            INFO(to_string(level) << " " << call.name);
            CHECK(verdict(level, call.number, native) == answer(level, call.group));
        }
}

TEST_CASE("calls newer than the table do not exist") {
    for (Level level : all_levels)
        for (int number : {470, 600, beyond_any_call, 0x3fffffff})
            CHECK(verdict(level, number, native) == ENOSYS);
}

TEST_CASE("programs of another architecture die") {
    for (Level level : all_levels) CHECK(verdict(level, 1, foreign) == -1);
#if defined(__x86_64__)
    for (Level level : all_levels) CHECK(verdict(level, 0x40000001, native) == -1);  // x32
    CHECK(verdict(Level::disk, 4, AUDIT_ARCH_I386) == -1);
    CHECK(verdict(Level::host, 4, AUDIT_ARCH_I386) == 0);         // write
    CHECK(verdict(Level::host, 192, AUDIT_ARCH_I386) == 0);       // mmap2
    CHECK(verdict(Level::host, 357, AUDIT_ARCH_I386) == EPERM);   // bpf
    CHECK(verdict(Level::host, 425, AUDIT_ARCH_I386) == ENOSYS);  // io_uring_setup
#endif
}

TEST_CASE("arguments are judged") {
    constexpr std::uint64_t garbage = 0xdeadbeefULL << 32U;  // the kernel ignores the upper half
    for (Level level : all_levels) {
        CHECK(verdict(level, SYS_ioctl, native, 0, TIOCSTI) == EPERM);
        CHECK(verdict(level, SYS_ioctl, native, 0, garbage | TIOCSTI) == EPERM);
        CHECK(verdict(level, SYS_ioctl, native, 0, TIOCGWINSZ) == 0);
    }
    for (std::uint64_t family : {AF_ALG, AF_VSOCK}) {
        CHECK(verdict(Level::restricted, SYS_socket, native, family) == EPERM);
        CHECK(verdict(Level::restricted, SYS_socket, native, garbage | family) == EPERM);
        CHECK(verdict(Level::disk, SYS_socket, native, family) == 0);
    }
    CHECK(verdict(Level::restricted, SYS_socket, native, AF_INET6) == 0);
    for (std::uint64_t flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID}) {
        CHECK(verdict(Level::restricted, SYS_clone, native, flag | 17U) == EPERM);
        CHECK(verdict(Level::disk, SYS_clone, native, flag | 17U) == 0);
    }
    CHECK(verdict(Level::restricted, SYS_clone, native, CLONE_VM | CLONE_THREAD) == 0);
    CHECK(verdict(Level::restricted, SYS_personality, native, 0xffffffff) == 0);
    CHECK(verdict(Level::restricted, SYS_personality, native, 0x0040000) == ENOSYS);
    CHECK(verdict(Level::host, SYS_personality, native, 0x0040000) == 0);
}

TEST_CASE("live: each forbidden call gives exactly the errno of the table") {
    Root root;
    for (Level level : all_levels) {
        std::vector<std::string> arguments = {"calls"};
        std::map<std::string, int> expected;
        for (const Numbered& call : native_calls())
            if (int error = answer(level, call.group); error != 0) {
                arguments.push_back(std::to_string(call.number));
                expected[std::to_string(call.number)] = error;
            }
        Outcome outcome = run(root.spec(level, arguments));
        REQUIRE(outcome.status.success());
        std::size_t seen = 0;
        for (const std::string& line : outcome.lines) {
            auto words = split_words(line);
            if (words.size() != 2) continue;
            INFO(to_string(level) << " call " << line);
            CHECK(expected[std::string(words[0])] == std::stoi(std::string(words[1])));
            ++seen;
        }
        CHECK(seen == expected.size());
    }
}

TEST_CASE("live: forbidden arguments") {
    Root root;
    std::string refused = std::to_string(EPERM);
    for (Level level : all_levels)
        CHECK(run(root.spec(level, {"ioctl-tiocsti"})).one("errno ") == refused);
    // The kernel itself grants one to anybody who is in no chroot, and the other to the disk level.
    CHECK(run(root.spec(Level::restricted, {"clone-namespace", "user"})).one("errno ") == refused);
    CHECK(run(root.spec(Level::disk, {"clone-namespace", "uts"})).one("errno ") == "0");
    CHECK(run(root.spec(Level::restricted, {"socket", "38"})).one("errno ") == refused);
    CHECK(run(root.spec(Level::restricted, {"mount"})).one("errno ") == refused);
    CHECK(run(root.spec(Level::disk, {"mount"})).one("errno ") == "0");
}
