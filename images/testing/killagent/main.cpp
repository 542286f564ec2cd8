// For tests only. Kills its agent in the middle of this action and succeeds when there is another
// one, which shows that the action outlives its agent. A second run fails: an action must not be
// run twice. Needs "pid: host" and the volume /worker:/worker.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace {

constexpr const char* mark = "/worker/killed";
constexpr const char* victim = "tink-worker\n";
constexpr int longest_wait = 3000;    // tenths of a second
constexpr unsigned a_tenth = 100000;  // microseconds

// The process of that name with the lowest number: the agent, not a child of it. 0: none.
pid_t find_agent(pid_t but_not) {
    pid_t found = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        auto pid = osiekit::parse_u64(entry.path().filename().string());
        if (!pid || static_cast<pid_t>(*pid) == but_not) continue;
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
        std::fputs("killagent: run a second time\n", stderr);
        return 1;
    }
    pid_t agent = find_agent(0);
    if (agent == 0) {
        std::fputs("killagent: there is no process called tink-worker; it needs pid: host\n",
                   stderr);
        return 1;
    }
    if (auto done = osiekit::write_file(mark, ""); !done) {
        std::fprintf(stderr, "killagent: %s\n", done.error().to_string().c_str());
        return 1;
    }
    std::puts("killing the agent");
    std::fflush(stdout);
    if (::kill(agent, SIGKILL) != 0) {
        std::perror("killagent: cannot kill the agent");
        return 1;
    }
    for (int i = 0; i < longest_wait; ++i) {
        if (find_agent(agent) != 0) {
            std::puts("there is another agent");
            return 0;
        }
        ::usleep(a_tenth);
    }
    std::fputs("killagent: no other agent was started\n", stderr);
    return 1;
}
