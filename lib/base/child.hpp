#pragma once

#include <string>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit {

struct CommandOutput {
    int exit_code = 0;  // 128 + signal number if a signal ended it
    std::string out;
    std::string err;
};

// Runs a program (looked up in PATH) to its end with standard input from /dev/null, and collects
// both outputs, each up to `limit` bytes (more is an error of kind limit; the child is killed). No
// shell. A program that cannot be started is an error of kind not_found or io; one that exits
// non-zero is not an error here.
Result<CommandOutput> run_command(const std::vector<std::string>& arguments,
                                  std::size_t limit = 16U << 20U);

}  // namespace osiekit
