// For tests only. The first run kills the agent in the middle of this action, which shows that a
// workflow survives it; the second run succeeds. Needs "pid: host" and the volume /worker:/worker.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace {

constexpr const char* mark = "/worker/killed";
constexpr const char* victim = "tink-worker\n";
constexpr unsigned longest_sleep = 300;  // seconds; nobody is to wait for it

// The process of that name with the lowest number: the agent, not a child of it.
pid_t find_agent() {
    pid_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        auto pid = osiekit::parse_u64(entry.path().filename().string());
        if (!pid) continue;
        auto name = osiekit::read_file(entry.path() / "comm");
        if (name && *name == victim && (found == 0 || static_cast<pid_t>(*pid) < found))
            found = static_cast<pid_t>(*pid);
    }
    return found;
}

}  // namespace

int main() {
    std::error_code ignored;
    if (std::filesystem::exists(mark, ignored)) {
        std::puts("second run");
        return 0;
    }
    pid_t agent = find_agent();
    if (agent == 0) {
        std::fputs("killagent: there is no process called tink-worker; it needs pid: host\n",
                   stderr);
        return 1;
    }
    if (auto done = osiekit::write_file(mark, ""); !done) {
        std::fprintf(stderr, "killagent: %s\n", done.error().to_string().c_str());
        return 1;
    }
    std::puts("first run: killing the agent");
    std::fflush(stdout);
    if (::kill(agent, SIGKILL) != 0) {
        std::perror("killagent: cannot kill the agent");
        return 1;
    }
    ::sleep(longest_sleep);
    return 1;
}
