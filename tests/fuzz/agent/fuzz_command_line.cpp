// Arguments, environment and kernel command line of the agent: a line each. "$NAME=VALUE" is of the
// environment, "%" stands before the kernel's, all else is an argument.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/command_line.hpp"
#include "agent/settings.hpp"
#include "lib/base/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit;
    using namespace osiekit::agent;
    std::vector<std::string> arguments = {"tink-worker"};
    std::map<std::string, std::string> environment;
    std::string kernel;
    for (std::string_view row : split({reinterpret_cast<const char*>(data), size}, '\n')) {
        // As execve passes them on.
        row = row.substr(0, row.find('\0'));
        std::size_t equals = row.find('=');
        if (row.substr(0, 1) == "%")
            kernel = row.substr(1);
        else if (row.substr(0, 1) == "$" && equals != std::string_view::npos)
            environment[std::string(row.substr(1, equals - 1))] = row.substr(equals + 1);
        else
            arguments.emplace_back(row);
    }
    std::vector<const char*> pointers;
    for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
    std::ostringstream said;
    auto parsed =
        parse_command_line(static_cast<int>(pointers.size()), pointers.data(), said, said);
    if (parsed.exit) {
        // Whoever is sent away is told why.
        if (said.str().empty() || (*parsed.exit != 0 && *parsed.exit != 2)) std::abort();
        return 0;
    }
    auto settings = resolve_settings(
        parsed.values,
        [&](const std::string& name) -> std::optional<std::string> {
            auto found = environment.find(name);
            if (found == environment.end()) return std::nullopt;
            return found->second;
        },
        KernelCommandLine::parse(kernel));
    if (!settings) return 0;
    if (settings->server.empty() || settings->longest_pause.count() <= 0) std::abort();
    if (describe(*settings).find('\n') != std::string::npos) std::abort();
    return 0;
}
