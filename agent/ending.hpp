#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "lib/base/log.hpp"

namespace osiekit::agent {

enum class Ending { reboot, power_off, kexec };

// The wish that an action left: DIRECTORY/reboot (the convention of Tinkerbell's environments, with
// /worker as directory), DIRECTORY/poweroff, or DIRECTORY/kexec by one that has loaded a kernel. Of
// several the first of power off, reboot, kexec counts. Looked at only after the server has
// acknowledged the action's success.
std::optional<Ending> wished_ending(const std::filesystem::path& directory);

// Removes the wish and signals the init (SIGTERM reboots, SIGUSR2 powers off, SIGRTMIN+6
// starts the loaded kernel). `signal` is passed
// in for the tests: kill(1, number). True if there was a wish and the signal was sent.
bool end_if_asked(const std::filesystem::path& directory, const Logger& log,
                  const std::function<int(int number)>& signal);

}  // namespace osiekit::agent
