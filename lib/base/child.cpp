#include "lib/base/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "lib/base/pipe.hpp"

extern char** environ;

namespace osiekit {
namespace {

Result<pid_t> spawn(const std::vector<std::string>& arguments, const Pipe& out, const Pipe& err) {
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), 2);
    pid_t pid = -1;
    int failure = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) return Error::from_errno("cannot run " + arguments[0], failure);
    return pid;
}

// Reads both streams until both end; false when one exceeds the limit.
bool collect(Pipe& out, Pipe& err, CommandOutput& output, std::size_t limit) {
    std::array<pollfd, 2> polls = {pollfd{out.read.get(), POLLIN, 0},
                                   pollfd{err.read.get(), POLLIN, 0}};
    std::array<std::string*, 2> targets = {&output.out, &output.err};
    std::array<char, 65536> buffer;
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        if (::poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) return true;
        for (std::size_t i = 0; i < polls.size(); ++i) {
            if (polls[i].fd < 0 || polls[i].revents == 0) continue;
            ssize_t n = ::read(polls[i].fd, buffer.data(), buffer.size());
            if (n <= 0) {
                polls[i].fd = -1;
                continue;
            }
            if (targets[i]->size() + static_cast<std::size_t>(n) > limit) return false;
            targets[i]->append(buffer.data(), static_cast<std::size_t>(n));
        }
    }
    return true;
}

}  // namespace

Result<CommandOutput> run_command(const std::vector<std::string>& arguments, std::size_t limit) {
    if (arguments.empty()) return Error(ErrorKind::internal, "no program to run");
    OSIEKIT_ASSIGN(Pipe out, make_pipe());
    OSIEKIT_ASSIGN(Pipe err, make_pipe());
    OSIEKIT_ASSIGN(pid_t pid, spawn(arguments, out, err));
    out.write.reset();
    err.write.reset();
    CommandOutput output;
    bool complete = collect(out, err, output, limit);
    if (!complete) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!complete)
        return Error(ErrorKind::limit,
                     arguments[0] + " wrote more than " + std::to_string(limit) + " bytes");
    output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

}  // namespace osiekit
