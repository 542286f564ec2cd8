#include "agent/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "agent/commands/command.hpp"
#include "agent/settings.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr const char* footer =
    "Settings may also come from the environment (AGENT_GRPC_SERVER, ...; tink-worker's names "
    "too)\n"
    "and from the kernel command line (worker_id, grpc_authority, insecure_registries, ...).\n\n"
    "Examples:\n"
    "  tink-worker --grpc-server 192.0.2.1:42113 --id 52:54:00:12:34:56\n"
    "  REGISTRY_PASSWORD=... tink-worker --grpc-server tink.example:42113 --grpc-tls \\\n"
    "      --registry-name registry.example:5000 --registry-user installer\n"
    "  tink-worker            # in an installation environment: everything from the kernel";

// The sub-commands have a --help each.
std::string with_commands(const std::string& text) {
    std::string list = "Commands (tink-worker COMMAND --help); without one this is the agent:\n";
    for (const Command& command : commands()) {
        std::string name(command.name);
        list += "  " + name + std::string(name.size() < 10 ? 10 - name.size() : 1, ' ') +
                std::string(command.summary) + "\n";
    }
    return list + "\n" + text;
}

std::string option_name(const std::vector<std::string>& flags) {
    std::vector<std::string> names;
    for (const std::string& flag : flags) names.push_back((flag.size() == 1 ? "-" : "--") + flag);
    return join(names, ",");
}

// Go's flag package takes one dash for two.
std::vector<std::string> with_two_dashes(int argc, const char* const* argv) {
    std::set<std::string, std::less<>> known(flags_without_effect().begin(),
                                             flags_without_effect().end());
    for (const SettingSource& source : setting_sources())
        known.insert(source.flags.begin(), source.flags.end());
    std::vector<std::string> arguments;
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        if (argument.size() > 2 && argument[0] == '-' && argument[1] != '-') {
            std::string name = argument.substr(1, argument.find('=') - 1);
            if (name.size() > 1 && known.count(name) != 0) argument.insert(0, 1, '-');
        }
        arguments.push_back(std::move(argument));
    }
    return arguments;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, std::ostream& out,
                               std::ostream& error_out) {
    CommandLine parsed;
    CLI::App app("Takes a machine's workflow actions from a Tinkerbell server and runs them.",
                 "tink-worker");
    app.footer(with_commands(footer));
    app.set_version_flag("--version", std::string("tink-worker ") + OSIEKIT_VERSION);
    std::map<std::string, std::string> booleans;
    for (const SettingSource& source : setting_sources()) {
        auto keep = [&parsed, key = source.key](const std::string& value) {
            parsed.values[key] = value;
        };
        // "--grpc-tls" and "--grpc-tls=false".
        if (source.kind == SettingSource::Kind::boolean)
            app.add_flag(option_name(source.flags), booleans[source.key], source.help);
        else
            app.add_option_function<std::string>(option_name(source.flags), keep, source.help);
    }
    for (const std::string& flag : flags_without_effect())
        app.add_option_function<std::string>(
               "--" + flag, [&parsed, flag](const std::string&) { parsed.ignored.push_back(flag); },
               "Accepted, without effect: " + std::string(why_without_effect(flag)))
            ->group("Accepted for compatibility");
    auto arguments = with_two_dashes(argc, argv);
    std::reverse(arguments.begin(), arguments.end());
    try {
        app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        parsed.exit = app.exit(error, out, error_out) == 0 ? 0 : 2;
    }
    for (const auto& [key, value] : booleans)
        if (!value.empty()) parsed.values[key] = value;
    return parsed;
}

}  // namespace osiekit::agent
