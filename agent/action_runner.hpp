#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/action.hpp"
#include "agent/image_source.hpp"
#include "agent/output_pump.hpp"
#include "agent/settings.hpp"
#include "agent/stop_signal.hpp"
#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_store.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::agent {

// Pulls an action's image and runs it in a sandbox to its end. The thread that calls run() must
// live as long as the action: the action dies with it.
class ActionRunner {
  public:
    static constexpr std::chrono::seconds grace{5};  // between SIGTERM and SIGKILL

    static Result<ActionRunner> create(const Settings& settings, const StopSignal& stop,
                                       const Logger& log);

    // Never fails: what goes wrong is the outcome's message. The time for the image counts.
    Outcome run(const Action& action);

  private:
    ActionRunner(const Settings& settings, const StopSignal& stop, const Logger& log,
                 oci::ImageStore store);
    using Clock = std::chrono::steady_clock;
    Outcome attempt(const Action& action, Clock::time_point deadline);
    Outcome execute(const Action& action, sandbox::SandboxSpec spec, OutputPump& pump,
                    Clock::time_point deadline);
    struct Pulled {
        oci::StoredImage image;
        StoreLock lock;  // shared: the layers stay while the action runs
    };
    Result<Pulled> pull(const Action& action, Clock::time_point deadline);
    enum class Ended { by_itself, timeout, stopped };
    Ended wait(sandbox::Running& running, Clock::time_point deadline);
    void end(sandbox::Running& running);

    const Settings& settings_;
    const StopSignal& stop_;
    const Logger& log_;
    oci::ImageStore store_;
    std::string workflow_;  // of the last action: its layers are kept until another one begins
};

}  // namespace osiekit::agent
