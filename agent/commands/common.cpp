#include "agent/commands/common.hpp"

#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "agent/registries.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

// The settings of whom to serve; a command that runs one image serves nobody.
const std::set<std::string, std::less<>> server_settings = {
    "id",          "server",      "tls",         "insecure tls", "attributes", "longest pause",
    "hw_addr",     "syslog host", "syslog port", "journal",      "transport",  "workflow data",
    "capture logs"};

std::string option_name(const std::vector<std::string>& flags) {
    std::vector<std::string> names;
    // One letter flags are the commands' own.
    for (const std::string& flag : flags)
        if (flag.size() > 1) names.push_back("--" + flag);
    return join(names, ",");
}

}  // namespace

void CommandSettings::add_to(CLI::App& app, bool with_server) {
    for (const SettingSource& source : setting_sources()) {
        if (!with_server && server_settings.count(source.key) != 0) continue;
        std::string name = option_name(source.flags);
        if (name.empty()) continue;
        CLI::Option* option =
            source.kind == SettingSource::Kind::boolean
                ? app.add_flag(name, booleans_[source.key], source.help)
                : app.add_option_function<std::string>(
                      name,
                      [this, key = source.key](const std::string& value) { values_[key] = value; },
                      source.help);
        option->group("Settings, also from the environment as the agent's");
    }
}

Result<Settings> CommandSettings::resolve() const {
    auto values = values_;
    for (const auto& [key, value] : booleans_)
        if (!value.empty()) values[key] = value;
    Environment environment = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        if (value == nullptr) return std::nullopt;
        return value;
    };
    auto kernel = read_file("/proc/cmdline", 1U << 20U);
    auto arguments = KernelCommandLine::parse(kernel ? *kernel : "");
    auto settings = resolve_settings(values, environment, arguments);
    if (settings) {
        export_proxies(*settings);
        return settings;
    }
    // A missing server is the agent's error, not a command's: with one, the other errors remain.
    constexpr const char* nobody = "nobody.invalid:0";
    if (values.emplace("server", nobody).second)
        settings = resolve_settings(values, environment, arguments);
    if (settings && settings->server == nobody) settings->server.clear();
    if (settings) export_proxies(*settings);
    return settings;
}

std::optional<int> parse_arguments(CLI::App& app, int argc, const char* const* argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return std::nullopt;
}

Logger command_log(const Settings& settings) {
    Logger::Options options;
    options.level = settings.log_level;
    options.timestamps = false;
    return Logger(options);
}

int fail(const Error& error) {
    std::fprintf(stderr, "tink-worker: %s\n", error.to_string().c_str());
    return exit_status(error);
}

Result<Fd> watch_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGINT);
    ::sigaddset(&set, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return Error::from_errno("watching for signals");
    return fd;
}

}  // namespace osiekit::agent
