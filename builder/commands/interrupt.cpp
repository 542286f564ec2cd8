#include "builder/commands/interrupt.hpp"

#include <csignal>

namespace osiekit::builder {

namespace {
// A signal handler has nothing else to write to.
volatile std::sig_atomic_t interrupted = 0;
void on_signal(int) {
    interrupted = 1;
}
}  // namespace

std::function<bool()> watch_interrupts() {
    struct sigaction action = {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    return [] { return interrupted != 0; };
}

}  // namespace osiekit::builder
