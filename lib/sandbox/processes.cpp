#include "lib/sandbox/processes.hpp"

#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "lib/base/text.hpp"

namespace osiekit::sandbox {
namespace {

constexpr int most_rounds = 100;  // a program that forks as fast as it dies

// Dead but not yet reaped processes have no namespaces any more, so they are not found here.
std::optional<pid_t> number(const std::filesystem::path& path) {
    auto value = parse_u64(path.filename().string());
    if (!value || *value == 0 || *value > INT32_MAX) return std::nullopt;
    return static_cast<pid_t>(*value);
}

}  // namespace

std::optional<std::uint64_t> mount_namespace(pid_t pid) {
    struct stat status {};
    std::string path = "/proc/" + std::to_string(pid) + "/ns/mnt";
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return status.st_ino;
}

std::vector<pid_t> processes_in(std::uint64_t wanted) {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (std::filesystem::directory_iterator it("/proc", ignored), end; it != end;
         it.increment(ignored))
        if (auto pid = number(it->path()); pid && mount_namespace(*pid) == wanted)
            found.push_back(*pid);
    return found;
}

bool kill_processes_in(std::uint64_t wanted) {
    for (int round = 0; round < most_rounds; ++round) {
        auto found = processes_in(wanted);
        if (found.empty()) return true;
        for (pid_t pid : found) ::kill(pid, SIGKILL);
    }
    return false;
}

}  // namespace osiekit::sandbox
