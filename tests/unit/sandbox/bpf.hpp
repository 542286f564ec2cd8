#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>

#include "lib/sandbox/filters.hpp"

namespace osiekit::sandbox::test {

// Runs a seccomp program on a made-up system call, as the kernel would. Only the instructions that
// seccomp allows.
inline std::uint32_t evaluate(const Filter& filter, const seccomp_data& data) {
    std::uint32_t accumulator = 0;
    std::uint32_t memory[BPF_MEMWORDS] = {};
    for (std::size_t at = 0; at < filter.length; ++at) {
        const sock_filter& step = filter.code[at];
        switch (step.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                REQUIRE(step.k + 4 <= sizeof data);
                std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
                break;
            case BPF_LD | BPF_MEM:
                accumulator = memory[step.k];
                break;
            case BPF_ST:
                memory[step.k] = accumulator;
                break;
            case BPF_ALU | BPF_AND | BPF_K:
                accumulator &= step.k;
                break;
            case BPF_JMP | BPF_JA:
                at += step.k;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K:
                at += accumulator == step.k ? step.jt : step.jf;
                break;
            case BPF_JMP | BPF_JGT | BPF_K:
                at += accumulator > step.k ? step.jt : step.jf;
                break;
            case BPF_JMP | BPF_JGE | BPF_K:
                at += accumulator >= step.k ? step.jt : step.jf;
                break;
            case BPF_JMP | BPF_JSET | BPF_K:
                at += (accumulator & step.k) != 0 ? step.jt : step.jf;
                break;
            case BPF_RET | BPF_K:
                return step.k;
            default:
                FAIL("instruction " << step.code << " is not one of seccomp's");
        }
    }
    FAIL("the program runs off its end");
    return 0;
}

// What a program sees: 0 allowed, an errno, or -1 for killed. The kernel takes the strictest of all
// filters.
inline int verdict(Level level, int number, std::uint32_t arch, std::uint64_t arg0 = 0,
                   std::uint64_t arg1 = 0, Architecture machine = this_architecture) {
    seccomp_data data{};
    data.nr = number;
    data.arch = arch;
    data.args[0] = arg0;
    data.args[1] = arg1;
    int worst = 0;
    for (const Filter& filter : filters(level, machine)) {
        std::uint32_t value = evaluate(filter, data);
        std::uint32_t action = value & SECCOMP_RET_ACTION_FULL;
        if (action == SECCOMP_RET_KILL_PROCESS) return -1;
        // Of two errnos the filter installed last wins, which is the one by call.
        if (action == SECCOMP_RET_ERRNO) worst = static_cast<int>(value & SECCOMP_RET_DATA);
        if (action != SECCOMP_RET_ERRNO && action != SECCOMP_RET_ALLOW)
            FAIL("unexpected action " << value);
    }
    return worst;
}

}  // namespace osiekit::sandbox::test
