// Build-time program: compiles the policy of syscalls.cpp into seccomp programs with libseccomp and
// writes them as a C++ source: generate_filters OUTPUT.cpp
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "lib/sandbox/filters.hpp"
#include "lib/sandbox/syscalls.hpp"

namespace osiekit::sandbox {
namespace {

constexpr scmp_datum_t low_word = 0xffffffff;  // the kernel reads these arguments as 32-bit numbers

struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

Error failure(std::string_view what, int code) {
    return Error::from_errno("libseccomp: cannot " + std::string(what), -code);
}

// Which machines' programs a level runs; rules are given in the numbers of the machine that builds
// and are translated by name.
Status set_architectures(const Context& context, Level level, Architecture architecture) {
    bool x86 = architecture == Architecture::x86_64;
    std::uint32_t token = x86 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64;
    if (token != ::seccomp_arch_native()) {
        if (int code = ::seccomp_arch_add(context.get(), token))
            return failure("add an architecture", code);
        if (int code = ::seccomp_arch_remove(context.get(), SCMP_ARCH_NATIVE))
            return failure("remove the builder's architecture", code);
    }
    if (level == Level::host && x86)
        if (int code = ::seccomp_arch_add(context.get(), SCMP_ARCH_X86))
            return failure("add 32-bit programs", code);
    return {};
}

Result<Context> make_context(Level level, Architecture architecture, std::uint32_t fallback) {
    Context context(::seccomp_init(fallback));
    if (!context) return Error(ErrorKind::internal, "libseccomp: cannot make a filter");
    // A program of another architecture would be judged by the wrong numbers.
    if (int code =
            ::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS))
        return failure("set the action for other architectures", code);
    if (int code = ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2))
        return failure("ask for a binary tree", code);
    OSIEKIT_TRY(set_architectures(context, level, architecture));
    return context;
}

Status add(const Context& context, int action_errno, const std::string& name,
           const std::vector<scmp_arg_cmp>& arguments = {}) {
    int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) return {};  // newer than this libseccomp: stays ENOSYS
    std::uint32_t action =
        action_errno == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(static_cast<unsigned>(action_errno));
    int code = ::seccomp_rule_add_array(context.get(), action, number,
                                        static_cast<unsigned>(arguments.size()), arguments.data());
    // EDOM: none of the filter's architectures has the call.
    if (code != 0 && code != -EDOM) return failure("add a rule for " + name, code);
    return {};
}

// True for an argument whose bits under the mask are these.
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t bits) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, bits};
}

Status add_personality(const Context& context) {
    // Linux, Linux with 32-bit uname, the same with a legacy memory layout, and "tell me".
    for (scmp_datum_t value : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL})
        OSIEKIT_TRY(add(context, 0, "personality", {scmp_arg_cmp{0, SCMP_CMP_EQ, value, 0}}));
    return {};
}

Result<Context> by_call(Level level, Architecture architecture) {
    OSIEKIT_ASSIGN(Context context, make_context(level, architecture, SCMP_ACT_ERRNO(ENOSYS)));
    std::size_t count = 0;
    const Call* calls = call_table(count);
    for (const Call* call = calls; call != calls + count; ++call) {
        if (level == Level::restricted && call->name == "personality") {
            OSIEKIT_TRY(add_personality(context));
            continue;
        }
        int answered = answer(level, call->group);
        if (answered != ENOSYS) OSIEKIT_TRY(add(context, answered, std::string(call->name)));
    }
    return context;
}

Result<Context> by_arguments(Level level, Architecture architecture) {
    OSIEKIT_ASSIGN(Context context, make_context(level, architecture, SCMP_ACT_ALLOW));
    // Typing into somebody's terminal (CVE-2017-5226); masked, as the kernel ignores the upper half
    // (CVE-2019-10063).
    OSIEKIT_TRY(add(context, EPERM, "ioctl", {masked(1, low_word, TIOCSTI)}));
    if (level != Level::restricted) return context;
    for (scmp_datum_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                              CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET})
        OSIEKIT_TRY(add(context, EPERM, "clone", {masked(0, flag, flag)}));
    for (scmp_datum_t family : {AF_ALG, AF_VSOCK})
        OSIEKIT_TRY(add(context, EPERM, "socket", {masked(0, low_word, family)}));
    return context;
}

Result<std::string> program_text(const Context& context, const std::string& name) {
    Fd file(::memfd_create("filter", MFD_CLOEXEC));
    if (!file) return Error::from_errno("cannot make a memory file");
    if (int code = ::seccomp_export_bpf(context.get(), file.get())) return failure("export", code);
    ::lseek(file.get(), 0, SEEK_SET);
    OSIEKIT_ASSIGN(std::string bytes, read_all(file.get()));
    if (bytes.empty() || bytes.size() % sizeof(sock_filter) != 0 ||
        bytes.size() / sizeof(sock_filter) > BPF_MAXINSNS)
        return Error(ErrorKind::internal, "libseccomp gave a program that no kernel takes");
    std::string text = "constexpr sock_filter " + name + "[] = {\n";
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(sock_filter)) {
        sock_filter instruction{};
        std::memcpy(&instruction, bytes.data() + at, sizeof instruction);
        std::array<char, 64> line{};
        std::snprintf(line.data(), line.size(), "    {0x%04x, %u, %u, 0x%08x},\n", instruction.code,
                      instruction.jt, instruction.jf, instruction.k);
        text += line.data();
    }
    return text + "};\n";
}

// The two programs of one level and architecture as text, and the case that returns them.
Status add_programs(Level level, Architecture architecture, std::string& programs,
                    std::string& cases) {
    std::string machine = architecture == Architecture::x86_64 ? "x86_64" : "aarch64";
    std::string name = std::string(to_string(level)) + "_" + machine;
    OSIEKIT_ASSIGN(Context calls, by_call(level, architecture));
    OSIEKIT_ASSIGN(std::string calls_text, program_text(calls, name + "_calls"));
    OSIEKIT_ASSIGN(Context arguments, by_arguments(level, architecture));
    OSIEKIT_ASSIGN(std::string arguments_text, program_text(arguments, name + "_arguments"));
    programs += calls_text + arguments_text;
    cases += "    if (level == Level::" + std::string(to_string(level)) +
             " && architecture == Architecture::" + machine + ")\n        return {{{" + name +
             "_arguments, std::size(" + name + "_arguments)}, {" + name + "_calls, std::size(" +
             name + "_calls)}}};\n";
    return {};
}

Result<std::string> source() {
    std::string programs;
    std::string cases;
    for (Level level : all_levels)
        for (Architecture architecture : all_architectures)
            OSIEKIT_TRY(add_programs(level, architecture, programs, cases));
    return "// Made by generate_filters.cpp from the table in syscalls.cpp.\n"
           "#include <iterator>\n\n#include \"lib/sandbox/filters.hpp\"\n\n"
           "namespace osiekit::sandbox {\nnamespace {\n" +
           programs +
           "}  // namespace\n\nstd::array<Filter, 2> filters(Level level, Architecture "
           "architecture) {\n" +
           cases + "    return {};\n}\n\n}  // namespace osiekit::sandbox\n";
}

}  // namespace
}  // namespace osiekit::sandbox

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: generate_filters OUTPUT.cpp\n");
        return 2;
    }
    auto text = osiekit::sandbox::source();
    osiekit::Status done =
        text ? osiekit::write_file(argv[1], *text) : osiekit::Status(std::move(text).error());
    if (!done) {
        std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
        return 1;
    }
    return 0;
}
