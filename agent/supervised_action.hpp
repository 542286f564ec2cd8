#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/spool.hpp"
#include "agent/stop_signal.hpp"
#include "agent/supervisor.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::agent {

// An action under its supervisor, as the agent sees it: started by this agent or found.
class SupervisedAction {
  public:
    // Starts a supervisor for the request. What is in the directory is replaced. `program` is this
    // program's file.
    static Result<SupervisedAction> start(const std::filesystem::path& directory,
                                          const SupervisorRequest& request,
                                          const std::filesystem::path& program);
    // The one of that directory, running or ended. nullopt: there was none, or it was killed before
    // it could say how the action ended (and the action with it).
    static std::optional<SupervisedAction> find(const std::filesystem::path& directory);

    struct Listener {
        // Its lines, and how many were lost because they came faster than they were read.
        SpoolReader::Listener output;
        std::function<void()> on_output;  // after new output, for other readers of the spool
    };
    // Gives the output as it comes until the action has ended. A stop ends the action. Error: the
    // supervisor was killed.
    Result<Outcome> follow(const StopSignal& stop, const Listener& listener);
    // What the supervisor has said, such as that a limit is not enforced here; for the agent's log.
    std::vector<std::string> notes() const;

  private:
    explicit SupervisedAction(std::filesystem::path directory) : directory_(std::move(directory)) {}
    Result<Outcome> result() const;
    std::filesystem::path directory_;
    Fd process_;  // a pidfd; none: it has ended
};

}  // namespace osiekit::agent
