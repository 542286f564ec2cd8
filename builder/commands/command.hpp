#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// What the command line asked for. Each command has a file of its own with a function
// register_NAME that adds its subcommand to the application and, from the subcommand's callback,
// sets `run`; main.cpp lists the functions and runs what was set.
struct Invocation {
    std::function<Status()> run;
    int status = 0;          // of a run without error: "diff" says 1 for a difference
    int failure_status = 0;  // of a run with an error; 0: as the error's kind says
};

using RegisterCommand = void (*)(CLI::App& app, Invocation& invocation);

void register_action(CLI::App& app, Invocation& invocation);
void register_build(CLI::App& app, Invocation& invocation);
void register_cache(CLI::App& app, Invocation& invocation);
void register_completion(CLI::App& app, Invocation& invocation);
void register_diff(CLI::App& app, Invocation& invocation);
void register_extract(CLI::App& app, Invocation& invocation);
void register_lock(CLI::App& app, Invocation& invocation);
void register_inspect(CLI::App& app, Invocation& invocation);
void register_plan(CLI::App& app, Invocation& invocation);
void register_provenance(CLI::App& app, Invocation& invocation);
void register_sbom(CLI::App& app, Invocation& invocation);
void register_size(CLI::App& app, Invocation& invocation);
void register_verify(CLI::App& app, Invocation& invocation);

}  // namespace osiekit::builder
