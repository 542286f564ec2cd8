#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "init/boot.hpp"
#include "init/module_request.hpp"
#include "init/system/fatal.hpp"

namespace {

using namespace osiekit;

constexpr int usage_status = 2;

constexpr const char* help =
    "osie-init: the first process of an osiekit image\n"
    "\n"
    "The kernel starts it as /init: it mounts, loads drivers, brings up the network, starts the\n"
    "image's services and ends the machine in order. It is not run by hand, except as\n"
    "\n"
    "  osie-init -q -- NAME   load the module NAME (or the modules with that alias), as the\n"
    "                         kernel asks for it\n"
    "  osie-init --version\n"
    "\n"
    "Examples:\n"
    "  kill -TERM 1           reboot (also Ctrl-Alt-Del); -USR2 powers off, -USR1 halts\n"
    "  osie.debug             as a kernel argument: more messages\n"
    "  modules=ixgbe,bnx2     as a kernel argument: load these whatever the hardware is\n";

[[noreturn]] void run_as_first_process() noexcept {
    // Lives as long as the machine: other threads write to it until the end.
    static init::BootLog log;
    init::install_crash_handler();
    try {
        init::Boot boot(log);
        init::fatal(log, boot.run().to_string());
    } catch (const std::exception& failure) {
        init::fatal(log, failure.what());
    } catch (...) {
        init::fatal(log, "an unknown exception");
    }
}

int run_as_command(int argc, char** argv) {
    std::string_view first = argc > 1 ? argv[1] : "";
    if (first == "--help" || first == "-h") {
        std::fputs(help, stdout);
        return 0;
    }
    if (first == "--version") {
        std::puts("osie-init " OSIEKIT_VERSION);
        return 0;
    }
    if (argc == 4 && first == "-q" && std::string_view(argv[2]) == "--") {
        Status status = init::answer_module_request(argv[3]);
        if (status) return 0;
        std::string text = "loading " + std::string(argv[3]) + ": " + status.error().to_string();
        // Called by the kernel there is no standard error.
        if (::fcntl(STDERR_FILENO, F_GETFD) < 0)
            init::report_to_kernel_log(text);
        else
            std::fprintf(stderr, "osie-init: %s\n", text.c_str());
        return exit_status(status.error());
    }
    std::fputs("osie-init is started by the kernel as the first process; see osie-init --help\n",
               stderr);
    return usage_status;
}

}  // namespace

int main(int argc, char** argv) {
    if (::getpid() == 1) run_as_first_process();
    try {
        return run_as_command(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "osie-init: %s\n", failure.what());
        return 1;
    }
}
