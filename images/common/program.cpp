#include "images/common/program.hpp"

#include <cstdio>
#include <exception>
#include <string>

#include "lib/base/text.hpp"

namespace osiekit::images {
namespace {

constexpr int failed_status = 1;
constexpr int usage_status = 2;

void complain(std::string_view name, const std::string& text) {
    std::string line = std::string(name) + ": " + text + "\n";
    std::fputs(line.c_str(), stderr);
}

int run_guarded(const Program& program, int argc, char** argv) {
    if (argc > 1) {
        std::string_view argument = argv[1];
        if (argument == "--help" || argument == "-h") {
            std::fwrite(program.help.data(), 1, program.help.size(), stdout);
            return 0;
        }
        if (argument == "--version") {
            std::printf("%s %s\n", std::string(program.name).c_str(), OSIEKIT_VERSION);
            return 0;
        }
        complain(program.name, "argument '" + printable(argument) +
                                   "': it takes its settings from the environment, see --help");
        return usage_status;
    }
    Status done = program.run(Environment::of_process());
    if (done) return 0;
    complain(program.name, done.error().to_string());
    return exit_status(done.error());
}

}  // namespace

int run_program(const Program& program, int argc, char** argv) {
    // Lines reach the agent's log when they are written, not when the program ends.
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    try {
        return run_guarded(program, argc, argv);
    } catch (const std::exception& error) {
        complain(program.name, std::string("internal error: ") + error.what());
        return failed_status;
    }
}

}  // namespace osiekit::images
