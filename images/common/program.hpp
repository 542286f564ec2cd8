#pragma once

#include <functional>
#include <string_view>

#include "images/common/environment.hpp"
#include "lib/base/result.hpp"

namespace osiekit::images {

struct Program {
    std::string_view name;
    std::string_view help;  // what it does, its variables, an example
    std::function<Status(const Environment&)> run;
};

// main() of every action: answers --help and --version, takes no other arguments, prints the error
// as one line to standard error. Exit status 0 done, 1 failed, 2 wrong settings.
int run_program(const Program& program, int argc, char** argv);

}  // namespace osiekit::images
