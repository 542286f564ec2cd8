#pragma once

#include <string_view>
#include <vector>

namespace osiekit::agent {

// One of tink-worker's sub-commands. `run` gets the arguments from the command's own name on,
// prints its --help and its errors itself, and returns the program's exit status.
struct Command {
    std::string_view name;
    std::string_view summary;
    int (*run)(int argc, const char* const* argv);
};

const std::vector<Command>& commands();

// The command that argv[1] names; null if it names none: then the program is the agent.
const Command* find_command(int argc, const char* const* argv);

int run_command_run(int argc, const char* const* argv);
int run_command_pull(int argc, const char* const* argv);
int run_command_images(int argc, const char* const* argv);
int run_command_doctor(int argc, const char* const* argv);
int run_command_sandbox(int argc, const char* const* argv);

}  // namespace osiekit::agent
