#include "agent/commands/command.hpp"

namespace osiekit::agent {

const std::vector<Command>& commands() {
    static const std::vector<Command> all = {
        {"run", "Run a container of an image here and now", run_command_run},
        {"pull", "Fetch an image into the store", run_command_pull},
        {"images", "List the images in the store", run_command_images},
        {"sandbox", "Run a program of a directory in a sandbox, or show how", run_command_sandbox},
        {"doctor", "Check what this machine has of what actions need", run_command_doctor},
    };
    return all;
}

const Command* find_command(int argc, const char* const* argv) {
    if (argc < 2) return nullptr;
    for (const Command& command : commands())
        if (command.name == argv[1]) return &command;
    return nullptr;
}

}  // namespace osiekit::agent
