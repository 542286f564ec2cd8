#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "init/modules/bind_order.hpp"
#include "init/modules/module_loader.hpp"
#include "init/network/network.hpp"
#include "init/services/supervisor.hpp"
#include "init/settings.hpp"
#include "init/system/event_loop.hpp"
#include "init/system/shutdown.hpp"

namespace osiekit::init {

// One step of coming up. A step that fails is said and passed over, unless nothing can work without
// it.
struct Step {
    const char* name;
    bool required;
    std::function<Status()> run;
};

// Runs the steps in order, and returns "mounts 4 ms, settings 1 ms, …" for the log. The first
// required step that fails ends it with that error.
Result<std::string> run_steps(const std::vector<Step>& steps, const BootLog& log);

// PID 1's life: the steps, then the main loop until the machine ends.
class Boot {
  public:
    explicit Boot(BootLog& log) : log_(log), loop_(log) {}
    // Returns only if a required step fails.
    Error run();

  private:
    Status set_up_file_systems();
    Status check_image();
    Status read_settings();
    Status apply_kernel_settings();
    Status watch_signals();
    Status start_modules();
    static Status gather_entropy();
    Status start_network();
    std::vector<Step> steps();

    void on_signals();
    void on_uevents();
    void on_modules_idle();
    void on_network(const Network::Up& up);
    void start_services();
    void begin_shutdown(Goal goal);

    BootLog& log_;
    EventLoop loop_;
    Settings settings_;
    Fd signals_;
    Fd uevents_;
    BindOrder bind_order_{"/sys"};
    std::unique_ptr<ModuleLoader> modules_;
    std::unique_ptr<Network> network_;
    std::unique_ptr<Supervisor> supervisor_;
    Milliseconds started_{};
    Milliseconds modules_ready_{};  // zero until the first time all are loaded
    std::optional<Network::Up> network_up_;
    Milliseconds network_ready_{};
    bool services_started_ = false;
    bool clock_asked_ = false;
    std::optional<Goal> ending_;
};

}  // namespace osiekit::init
