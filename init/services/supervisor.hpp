#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "init/services/line_splitter.hpp"
#include "init/settings.hpp"
#include "init/system/boot_log.hpp"
#include "init/system/event_loop.hpp"

namespace osiekit::init {

// How long to wait before a service is started again: 0.2 s after a first end, doubled up to 5 s; a
// service that ran for 10 s counts as healthy again.
Milliseconds restart_delay(unsigned quick_ends);
constexpr Milliseconds healthy_after = std::chrono::seconds(10);

// Starts the image's services, each in a session of its own, and starts them again when they end.
// One with a sandbox is started in that; when it ends, all that it left behind is killed.
// Their output goes to the log line by line, with the service's name in front.
class Supervisor {
  public:
    Supervisor(EventLoop& loop, const BootLog& log) : loop_(loop), log_(log) {}
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    ~Supervisor();

    void start(const std::vector<ServiceSpec>& services);
    // Collects every child that ended, ours or left behind by a service. Call on SIGCHLD.
    void reap();
    // Starts nothing any more and sends SIGTERM; when the last one is gone, `on_stopped` is called.
    void stop(std::function<void()> on_stopped);
    bool running() const;

  private:
    struct Service {
        ServiceSpec spec;
        pid_t pid = 0;                             // 0: not running
        std::optional<sandbox::Running> confined;  // of one with a sandbox, while it runs
        std::vector<std::string> notes;            // what was said of its sandbox
        Fd output;
        LineSplitter lines;
        Milliseconds started{};
        unsigned quick_ends = 0;
        EventLoop::TimerId restart = 0;
    };
    void launch(Service& service);
    Status run(Service& service, int output);
    Status run_confined(Service& service, int output);
    std::string collect_confined(Service& service);
    void read_output(Service& service);
    void close_output(Service& service);
    void on_end(Service& service, const std::string& how);
    void schedule(Service& service);
    void check_stopped();

    EventLoop& loop_;
    const BootLog& log_;
    std::vector<std::unique_ptr<Service>> services_;
    bool stopping_ = false;
    std::function<void()> on_stopped_;
};

}  // namespace osiekit::init
