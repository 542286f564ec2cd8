#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace osiekit::builder {

// What a word on the command line may be.
struct CompletionValue {
    enum class Kind { nothing, anything, file, folder, one_of };
    Kind kind = Kind::nothing;
    std::vector<std::string> choices;  // of one_of
};

struct CompletionOption {
    std::vector<std::string> names;  // "--out", "-h"
    std::string what;                // one line
    CompletionValue value;           // nothing: a flag
};

// A command with all that may follow it.
struct CompletionCommand {
    std::string place;  // "osiekit action build"
    std::string name;   // "build"
    std::string what;
    std::vector<CompletionOption> options;
    std::vector<CompletionCommand> commands;
    CompletionValue argument;  // of what is neither an option nor a command
};

// The command line as its parser knows it, so that scripts made from it cannot go stale.
CompletionCommand describe_command(const CLI::App& app, const std::string& place = "");

// Scripts for the three shells, to be sourced.
std::string bash_completion(const CompletionCommand& root);
std::string zsh_completion(const CompletionCommand& root);
std::string fish_completion(const CompletionCommand& root);

}  // namespace osiekit::builder
