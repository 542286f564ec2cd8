#include "agent/ending.hpp"

#include <csignal>
#include <cstring>

namespace osiekit::agent {
namespace {

constexpr const char* name_of(Ending ending) {
    return ending == Ending::reboot ? "reboot" : "poweroff";
}

}  // namespace

std::optional<Ending> wished_ending(const std::filesystem::path& directory) {
    for (Ending ending : {Ending::power_off, Ending::reboot}) {
        std::error_code failure;
        auto status = std::filesystem::symlink_status(directory / name_of(ending), failure);
        if (!failure && std::filesystem::exists(status)) return ending;
    }
    return std::nullopt;
}

bool end_if_asked(const std::filesystem::path& directory, const Logger& log,
                  const std::function<int(int number)>& signal) {
    auto ending = wished_ending(directory);
    if (!ending) return false;
    log.info(std::string("the last action asks for a ") + name_of(*ending) +
             "; its success is acknowledged");
    std::error_code failure;
    for (Ending each : {Ending::power_off, Ending::reboot})
        std::filesystem::remove_all(directory / name_of(each), failure);
    if (signal(*ending == Ending::reboot ? SIGTERM : SIGUSR2) == 0) return true;
    log.error(std::string("signalling the init: ") + std::strerror(errno) +
              "; the machine is not going down");
    return false;
}

}  // namespace osiekit::agent
