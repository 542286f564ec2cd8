#include "init/system/fatal.hpp"

#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string>

namespace osiekit::init {
namespace {

constexpr std::size_t alternate_stack_size = 32768;

void restart_machine() noexcept {
    ::sync();
    ::reboot(RB_AUTOBOOT);
    // The kernel refused; magic SysRq is the last resort.
    int fd = ::open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && ::write(fd, "b", 1) == 1) ::sleep(1);
}

void say(int fd, const char* text) noexcept {
    if (fd < 0) return;
    [[maybe_unused]] ssize_t n = ::write(fd, text, std::strlen(text));
}

// Only async-signal-safe calls in here.
void on_crash(int number) noexcept {
    std::array<char, 16> digits{};
    digits[0] = static_cast<char>('0' + number / 10);
    digits[1] = static_cast<char>('0' + number % 10);
    int kmsg = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    for (int fd : {kmsg, STDERR_FILENO}) {
        if (fd == kmsg) say(fd, "<2>");
        say(fd, "osie-init: this is a defect of osie-init: it was ended by signal ");
        say(fd, digits.data());
        say(fd, "\n");
        if (fd == kmsg) say(fd, "<2>");
        say(fd, "osie-init: the machine restarts in 30 s\n");
    }
    ::sleep(fatal_delay_seconds);
    restart_machine();
    for (;;) ::pause();
}

}  // namespace

void fatal(const BootLog& log, std::string_view reason) noexcept {
    try {
        log.error("cannot go on: " + std::string(reason));
        log.error("the machine restarts in " + std::to_string(fatal_delay_seconds) + " s");
    } catch (...) {
        say(STDERR_FILENO, "osie-init: cannot go on, and out of memory; the machine restarts\n");
    }
    ::sleep(fatal_delay_seconds);
    restart_machine();
    for (;;) ::pause();
}

void install_crash_handler() noexcept {
    static std::array<char, alternate_stack_size> stack;
    stack_t alternate{};
    alternate.ss_sp = stack.data();
    alternate.ss_size = stack.size();
    ::sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = SA_ONSTACK | static_cast<int>(SA_RESETHAND);
    for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
        ::sigaction(number, &action, nullptr);
}

}  // namespace osiekit::init
