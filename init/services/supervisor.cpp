#include "init/services/supervisor.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "init/services/confined.hpp"

namespace osiekit::init {
namespace {

constexpr Milliseconds first_delay(200);
constexpr Milliseconds longest_delay = std::chrono::seconds(5);
constexpr int cannot_start = 127;

std::string how_it_ended(int status, int signal) {
    if (signal == 0) return "ended with status " + std::to_string(status);
    const char* name = ::sigabbrev_np(signal);
    return "was ended by signal " +
           (name != nullptr ? "SIG" + std::string(name) : std::to_string(signal));
}

std::string how_it_ended(const siginfo_t& info) {
    bool exited = info.si_code == CLD_EXITED;
    return how_it_ended(info.si_status, exited ? 0 : info.si_status);
}

struct Child {
    std::vector<char*> arguments;
    std::vector<char*> environment;
    int output = -1;
};

// In the child, between fork and exec: other threads' locks may be held for ever, hence only
// async-signal-safe calls and nothing that allocates.
[[noreturn]] void become(const Child& child) {
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) ::dup2(null, STDIN_FILENO);
    ::dup2(child.output, STDOUT_FILENO);
    ::dup2(child.output, STDERR_FILENO);
    if (::chdir("/") == 0)
        ::execve(child.arguments[0], child.arguments.data(), child.environment.data());
    const char* why = ::strerrordesc_np(errno);
    for (const char* text : {"cannot be started: ", why != nullptr ? why : "unknown error", "\n"}) {
        [[maybe_unused]] ssize_t n = ::write(STDERR_FILENO, text, std::strlen(text));
    }
    ::_exit(cannot_start);
}

}  // namespace

Milliseconds restart_delay(unsigned quick_ends) {
    unsigned doublings = std::min(quick_ends == 0 ? 0U : quick_ends - 1, 10U);
    return std::min(first_delay * (1U << doublings), longest_delay);
}

Supervisor::~Supervisor() {
    for (auto& service : services_) {
        loop_.cancel(service->restart);
        close_output(*service);
    }
}

void Supervisor::start(const std::vector<ServiceSpec>& services) {
    for (const ServiceSpec& spec : services) {
        services_.push_back(std::make_unique<Service>());
        services_.back()->spec = spec;
        launch(*services_.back());
    }
}

void Supervisor::launch(Service& service) {
    service.restart = 0;
    if (stopping_) return;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        log_.error(service.spec.name + ": " + Error::from_errno("making a pipe").to_string());
        return schedule(service);
    }
    close_output(service);
    service.output = Fd(ends[0]);
    Fd write_end(ends[1]);
    ::fcntl(service.output.get(), F_SETFL, O_NONBLOCK);
    service.started = uptime();
    Status started = service.spec.sandbox ? run_confined(service, ends[1]) : run(service, ends[1]);
    if (!started) {
        log_.error(service.spec.name + ": " + started.error().to_string());
        close_output(service);
        ++service.quick_ends;
        return schedule(service);
    }
    if (Status status =
            loop_.watch(service.output.get(), [this, &service] { read_output(service); });
        !status)
        log_.error(service.spec.name + ": " + status.error().to_string());
    log_.debug("started " + service.spec.name + " as process " + std::to_string(service.pid));
}

Status Supervisor::run(Service& service, int output) {
    std::vector<std::string> environment = sandbox::service_environment("/root");
    Child child;
    for (std::string& argument : service.spec.command) child.arguments.push_back(argument.data());
    for (std::string& variable : environment) child.environment.push_back(variable.data());
    child.arguments.push_back(nullptr);
    child.environment.push_back(nullptr);
    child.output = output;
    pid_t pid = ::fork();
    if (pid == 0) become(child);
    if (pid < 0) return Error::from_errno("starting a process");
    service.pid = pid;
    return {};
}

Status Supervisor::run_confined(Service& service, int output) {
    OSIEKIT_ASSIGN(sandbox::Running running, start_confined(service.spec, output));
    // Once, not at each start.
    if (running.notes() != service.notes) {
        service.notes = running.notes();
        for (const std::string& note : service.notes) log_.warning(service.spec.name + ": " + note);
    }
    service.pid = running.pid();
    service.confined.emplace(std::move(running));
    return {};
}

void Supervisor::read_output(Service& service) {
    std::array<char, 16384> buffer;
    for (;;) {
        ssize_t size = ::read(service.output.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return close_output(service);
        service.lines.add(
            {buffer.data(), static_cast<std::size_t>(size)},
            [&](std::string_view line) { log_.write(LogLevel::info, service.spec.name, line); });
        // One service that never stops talking must not keep the others waiting.
        if (static_cast<std::size_t>(size) == buffer.size()) return;
    }
}

void Supervisor::close_output(Service& service) {
    if (!service.output) return;
    loop_.unwatch(service.output.get());
    service.output.reset();
    service.lines.finish(
        [&](std::string_view line) { log_.write(LogLevel::info, service.spec.name, line); });
}

void Supervisor::reap() {
    for (;;) {
        siginfo_t info{};
        // Looked at first: a sandbox collects its own process.
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
        auto it = std::find_if(services_.begin(), services_.end(),
                               [&](const auto& service) { return service->pid == info.si_pid; });
        bool ours = it != services_.end();
        std::string how = ours && (*it)->confined ? collect_confined(**it) : how_it_ended(info);
        ::waitpid(info.si_pid, nullptr, WNOHANG);  // a collected one is no child any more
        if (ours) on_end(**it, how);
    }
}

std::string Supervisor::collect_confined(Service& service) {
    // Its PID namespace has ended with it; this is for what a kernel has without one.
    static_cast<void>(service.confined->kill_all().ok());
    Result<sandbox::ExitStatus> status = service.confined->wait(Milliseconds(0));
    service.confined.reset();  // and its cgroup
    if (!status) return "ended: " + status.error().to_string();
    return how_it_ended(status->code, status->signal) +
           (status->out_of_memory ? ": out of memory" : "");
}

void Supervisor::on_end(Service& service, const std::string& how) {
    service.pid = 0;
    // Its last words; children it left behind may hold the pipe open, they are not waited for.
    if (service.output) read_output(service);
    close_output(service);
    if (stopping_) {
        log_.info(service.spec.name + " " + how);
        return check_stopped();
    }
    service.quick_ends = uptime() - service.started >= healthy_after ? 1 : service.quick_ends + 1;
    log_.warning(service.spec.name + " " + how + "; starting it again in " +
                 seconds_text(restart_delay(service.quick_ends).count()));
    schedule(service);
}

void Supervisor::schedule(Service& service) {
    service.restart = loop_.after(restart_delay(std::max(service.quick_ends, 1U)),
                                  [this, &service] { launch(service); });
}

bool Supervisor::running() const {
    return std::any_of(services_.begin(), services_.end(),
                       [](const auto& service) { return service->pid != 0; });
}

void Supervisor::stop(std::function<void()> on_stopped) {
    stopping_ = true;
    on_stopped_ = std::move(on_stopped);
    for (auto& service : services_) {
        loop_.cancel(service->restart);
        if (service->confined)
            ask_to_end(*service->confined);
        else if (service->pid != 0)
            ::kill(service->pid, SIGTERM);
    }
    check_stopped();
}

void Supervisor::check_stopped() {
    if (running() || !on_stopped_) return;
    std::exchange(on_stopped_, nullptr)();
}

}  // namespace osiekit::init
