// osiekit: builds operating system installation environments.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <string>

#include "builder/commands/command.hpp"
#include "lib/base/terminal.hpp"

namespace {

using namespace osiekit::builder;

constexpr int usage_status = 2;

constexpr std::array commands = {
    register_build, register_plan,    register_lock,      register_inspect, register_size,
    register_diff,  register_extract, register_verify,    register_sbom,    register_provenance,
    register_cache, register_action,  register_completion};

void print_error(const std::string& text) {
    bool colour = osiekit::wants_colour(STDERR_FILENO);
    std::fprintf(stderr, "%sosiekit:%s %s\n", colour ? "\x1b[31m" : "", colour ? "\x1b[0m" : "",
                 text.c_str());
}

int run(int argc, char** argv) {
    CLI::App app(
        "osiekit builds installation environments: a kernel and an initramfs from a profile",
        "osiekit");
    app.set_version_flag("--version", std::string("osiekit ") + OSIEKIT_VERSION);
    app.require_subcommand(1);
    app.footer(
        "\nExamples:\n  osiekit build profiles/virtual.yaml --out out/virtual\n"
        "  osiekit COMMAND --help");
    Invocation invocation;
    for (RegisterCommand add : commands) add(app, invocation);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : usage_status;
    }
    osiekit::Status status = invocation.run();
    if (status) return invocation.status;
    print_error(status.error().to_string());
    if (invocation.failure_status != 0) return invocation.failure_status;
    return osiekit::exit_status(status.error());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        print_error(std::string("internal error: ") + error.what());
        return 1;
    }
}
