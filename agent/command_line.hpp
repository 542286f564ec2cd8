#pragma once

#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace osiekit::agent {

struct CommandLine {
    std::map<std::string, std::string> values;  // by SettingSource::key
    std::vector<std::string> ignored;           // flags without effect that were given
    std::optional<int> exit;  // the program is to end with this status: help, version or an error
};

// Parses the arguments; --help, --version and errors are printed. Flags may be written with one
// dash as Go programs allow.
CommandLine parse_command_line(int argc, const char* const* argv, std::ostream& out = std::cout,
                               std::ostream& error_out = std::cerr);

}  // namespace osiekit::agent
