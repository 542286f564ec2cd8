#include "agent/ending.hpp"

#include <array>
#include <csignal>
#include <cstring>

namespace osiekit::agent {
namespace {

constexpr std::array all_endings = {Ending::power_off, Ending::reboot, Ending::kexec};

constexpr const char* name_of(Ending ending) {
    switch (ending) {
        case Ending::power_off:
            return "poweroff";
        case Ending::kexec:
            return "kexec";
        case Ending::reboot:
            break;
    }
    return "reboot";
}

int signal_of(Ending ending) {
    switch (ending) {
        case Ending::power_off:
            return SIGUSR2;
        case Ending::kexec:
            return SIGRTMIN + 6;
        case Ending::reboot:
            break;
    }
    return SIGTERM;
}

}  // namespace

std::optional<Ending> wished_ending(const std::filesystem::path& directory) {
    for (Ending ending : all_endings) {
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
    for (Ending each : all_endings) std::filesystem::remove_all(directory / name_of(each), failure);
    if (signal(signal_of(*ending)) == 0) return true;
    log.error(std::string("signalling the init: ") + std::strerror(errno) +
              "; the machine is not going down");
    return false;
}

}  // namespace osiekit::agent
