#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "lib/base/log.hpp"

namespace osiekit::agent {

enum class Ending { reboot, power_off };

// The wish that an action left: DIRECTORY/reboot or DIRECTORY/poweroff (the convention of
// Tinkerbell's environments, with /worker as directory). Looked at only after the server has
// acknowledged the action's success.
std::optional<Ending> wished_ending(const std::filesystem::path& directory);

// Removes the wish and signals the init (SIGTERM reboots, SIGUSR2 powers off). `signal` is passed
// in for the tests: kill(1, number). True if there was a wish and the signal was sent.
bool end_if_asked(const std::filesystem::path& directory, const Logger& log,
                  const std::function<int(int number)>& signal);

}  // namespace osiekit::agent
