#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>

#include "agent/settings.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/log.hpp"
#include "lib/base/result.hpp"

namespace osiekit::agent {

// The agent's settings as options of a command: the same flags, environment variables and kernel
// arguments. Keep it alive while the application is parsed.
class CommandSettings {
  public:
    // Adds every setting but those of the workflow server, or with them.
    void add_to(CLI::App& app, bool with_server);
    // What was given; its proxies are in use from then on. Without a server on the command line and
    // elsewhere `server` is empty.
    Result<Settings> resolve() const;

  private:
    std::map<std::string, std::string> values_;
    std::map<std::string, std::string> booleans_;
};

// Parses the arguments of a command (argv[0] is its name). nullopt: go on; else the exit status,
// after help or an error was printed.
std::optional<int> parse_arguments(CLI::App& app, int argc, const char* const* argv);

// Messages of a command: on standard error, without times.
Logger command_log(const Settings& settings);

// Prints the error and gives the exit status.
int fail(const Error& error);

// SIGINT and SIGTERM as a descriptor; they are blocked from then on. For commands that have
// something to remove before they end.
Result<Fd> watch_signals();

}  // namespace osiekit::agent
