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

// Only async-signal-safe calls in here. One write(2) a line, as each is a record of its own in the
// kernel's log.
void on_crash(int number) noexcept {
    std::array<char, 160> line{};
    std::strcpy(line.data(),
                "<2>osie-init: this is a defect of osie-init: it was ended by signal ");
    std::size_t end = std::strlen(line.data());
    line[end] = static_cast<char>('0' + number / 10);
    line[end + 1] = static_cast<char>('0' + number % 10);
    std::strcpy(line.data() + end + 2, "; the machine restarts in 30 s\n");
    static_assert(fatal_delay_seconds == 30);
    int kmsg = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    say(kmsg, line.data());
    if (kmsg < 0) say(STDERR_FILENO, line.data() + 3);
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
