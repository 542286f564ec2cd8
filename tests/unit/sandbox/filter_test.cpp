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

constexpr int beyond_any_call = 1000;

struct Numbered {
    std::string name;
    int number;
    CallGroup group;
};

struct Machine {
    Architecture architecture;
    std::uint32_t seccomp;  // libseccomp's token
    std::uint32_t audit;
};
constexpr Machine machines[] = {
    {Architecture::x86_64, SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64},
    {Architecture::aarch64, SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
};

// The calls of the table that an architecture has.
std::vector<Numbered> calls_of(std::uint32_t token) {
    std::size_t count = 0;
    const Call* calls = call_table(count);
    std::vector<Numbered> found;
    for (const Call* call = calls; call != calls + count; ++call) {
        std::string name(call->name);
        int number = ::seccomp_syscall_resolve_name_arch(token, name.c_str());
        if (number >= 0) found.push_back({name, number, call->group});
    }
    REQUIRE(found.size() > 250);
    return found;
}

std::vector<Numbered> native_calls() {
    return calls_of(::seccomp_arch_native());
}

int number_of(const Machine& machine, const char* name) {
    int number = ::seccomp_syscall_resolve_name_arch(machine.seccomp, name);
    REQUIRE(number >= 0);
    return number;
}

}  // namespace

TEST_CASE("every system call that libseccomp knows is classified, once") {
    std::set<std::string_view> names;
    std::size_t count = 0;
    const Call* calls = call_table(count);
    for (const Call* call = calls; call != calls + count; ++call) {
        INFO(call->name);
        CHECK(names.insert(call->name).second);
    }
    for (const Machine& machine : machines)
        for (int number = 0; number < beyond_any_call; ++number) {
            char* name = ::seccomp_syscall_resolve_num_arch(machine.seccomp, number);
            if (name == nullptr) continue;
            INFO(name);
            CHECK(names.count(name) == 1);
            std::free(name);
        }
}

TEST_CASE("the filters of each architecture answer as the table says") {
    for (const Machine& machine : machines)
        for (Level level : all_levels)
            for (const Numbered& call : calls_of(machine.seccomp)) {
                INFO(to_string(level) << " " << call.name << " on " << machine.audit);
                CHECK(verdict(level, call.number, machine.audit, 0, 0, machine.architecture) ==
                      answer(level, call.group));
            }
}

TEST_CASE("every number that is nobody's does not exist") {
    for (const Machine& machine : machines) {
        std::set<int> known;
        for (const Numbered& call : calls_of(machine.seccomp)) known.insert(call.number);
        for (Level level : all_levels) {
            for (int number = 0; number < beyond_any_call; ++number) {
                if (known.count(number) != 0) continue;
                INFO(to_string(level) << " " << number << " on " << machine.audit);
                CHECK(verdict(level, number, machine.audit, 0, 0, machine.architecture) == ENOSYS);
            }
            CHECK(verdict(level, 0x3fffffff, machine.audit, 0, 0, machine.architecture) == ENOSYS);
        }
    }
}

TEST_CASE("programs of another architecture die") {
    for (Level level : all_levels) {
        CHECK(verdict(level, 1, AUDIT_ARCH_AARCH64, 0, 0, Architecture::x86_64) == -1);
        CHECK(verdict(level, 1, AUDIT_ARCH_X86_64, 0, 0, Architecture::aarch64) == -1);
        CHECK(verdict(level, 1, AUDIT_ARCH_ARM, 0, 0, Architecture::aarch64) == -1);
        // x32
        CHECK(verdict(level, 0x40000001, AUDIT_ARCH_X86_64, 0, 0, Architecture::x86_64) == -1);
    }
    auto i386 = [](Level level, int number) {
        return verdict(level, number, AUDIT_ARCH_I386, 0, 0, Architecture::x86_64);
    };
    for (Level level : {Level::restricted, Level::disk, Level::kexec}) CHECK(i386(level, 4) == -1);
    CHECK(i386(Level::host, 4) == 0);         // write
    CHECK(i386(Level::host, 192) == 0);       // mmap2
    CHECK(i386(Level::host, 357) == EPERM);   // bpf
    CHECK(i386(Level::host, 425) == ENOSYS);  // io_uring_setup
}

TEST_CASE("arguments are judged, on each architecture") {
    constexpr std::uint64_t garbage = 0xdeadbeefULL << 32U;  // the kernel ignores the upper half
    for (const Machine& machine : machines) {
        auto judge = [&](Level level, const char* name, std::uint64_t first,
                         std::uint64_t second = 0) {
            return verdict(level, number_of(machine, name), machine.audit, first, second,
                           machine.architecture);
        };
        for (Level level : all_levels) {
            CHECK(judge(level, "ioctl", 0, TIOCSTI) == EPERM);
            CHECK(judge(level, "ioctl", 0, garbage | TIOCSTI) == EPERM);
            CHECK(judge(level, "ioctl", 0, TIOCGWINSZ) == 0);
        }
        for (std::uint64_t family : {AF_ALG, AF_VSOCK}) {
            CHECK(judge(Level::restricted, "socket", family) == EPERM);
            CHECK(judge(Level::restricted, "socket", garbage | family) == EPERM);
            CHECK(judge(Level::disk, "socket", family) == 0);
        }
        CHECK(judge(Level::restricted, "socket", AF_INET6) == 0);
        for (std::uint64_t flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID,
                                   CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP}) {
            CHECK(judge(Level::restricted, "clone", flag | 17U) == EPERM);
            CHECK(judge(Level::disk, "clone", flag | 17U) == 0);
        }
        CHECK(judge(Level::restricted, "clone", CLONE_VM | CLONE_THREAD) == 0);
        for (std::uint64_t known : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU})
            CHECK(judge(Level::restricted, "personality", known) == 0);
        CHECK(judge(Level::restricted, "personality", 0x0040000) == ENOSYS);
        CHECK(judge(Level::host, "personality", 0x0040000) == 0);
    }
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
