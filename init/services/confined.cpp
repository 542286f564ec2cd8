#include "init/services/confined.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <exception>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

// The machine may be slow and busy; PID 1 must not wait for ever.
constexpr std::chrono::seconds start_limit{10};

}  // namespace

Result<sandbox::Running> start_confined(const ServiceSpec& service, int output) {
    try {
        auto plan = sandbox::make_plan(
            sandbox::service_spec(service.name, service.command, *service.sandbox, output));
        if (!plan) return std::move(plan).error();
        return sandbox::start(*plan, start_limit);
    } catch (const std::exception& failure) {
        return Error(ErrorKind::internal, failure.what());
    }
}

bool minds_signal(std::string_view status, int signal) {
    for (std::string_view line : split(status, '\n')) {
        auto words = split_words(line);
        if (words.size() != 2 ||
            (words[0] != "SigBlk:" && words[0] != "SigIgn:" && words[0] != "SigCgt:"))
            continue;
        std::uint64_t set = 0;
        std::from_chars(words[1].data(), words[1].data() + words[1].size(), set, 16);
        if ((set >> static_cast<unsigned>(signal - 1) & 1U) != 0) return true;
    }
    return false;
}

void ask_to_end(sandbox::Running& service) {
    Result<std::string> status = read_file("/proc/" + std::to_string(service.pid()) + "/status");
    if (status && minds_signal(*status, SIGTERM))
        ::syscall(SYS_pidfd_send_signal, service.fd(), SIGTERM, nullptr, 0);
    else
        static_cast<void>(service.kill_all().ok());  // what remains is killed when the machine ends
}

}  // namespace osiekit::init
