#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/action.hpp"
#include "lib/base/cmdline.hpp"
#include "lib/base/log.hpp"
#include "lib/base/result.hpp"

namespace osiekit::agent {

// All that the agent is told from outside. Filled from command line flags, environment variables
// and the kernel command line, in this order of precedence, under the names that tink-agent,
// tink-worker and the kernel arguments of Tinkerbell's environments have (docs: agent/README.md).
struct Settings {
    std::string id;  // empty: the hardware address of hw_addr or of the first Ethernet interface
    std::string server;  // host:port of the workflow service
    bool tls = false;
    bool insecure_tls = false;
    std::string ca_file;     // PEM certificates to trust beside the system's
    std::string cert_url;    // where tink-worker before v0.7 took the server's certificate from
    bool attributes = true;  // send what hardware this is
    std::chrono::milliseconds longest_pause{5000};

    // Credentials for one registry; image names are never prefixed with it.
    std::string registry;
    std::string registry_user;
    std::string registry_password;
    std::vector<std::string> insecure_registries;  // host[:port] that speak plain HTTP

    // Files; empty: the usual ones if they are there (registries.hpp).
    std::string registry_config;
    std::string registry_hosts;
    std::string registry_ca;
    std::filesystem::path images;  // an image layout that is asked before any registry

    std::string hw_addr;
    bool capture_logs = true;  // actions' output goes to the agent's log
    bool stream_logs = true;   // and to the server, if it keeps such
    std::uint64_t max_workflow_data = max_workflow_data_bytes;
    std::string syslog_host;
    std::uint16_t syslog_port = 514;
    std::string http_proxy;
    std::string https_proxy;
    std::string no_proxy;

    LogLevel log_level = LogLevel::info;
    std::filesystem::path store = "/var/lib/osie";
    std::optional<std::uint64_t> store_budget;  // bytes of layers kept; none: rootfs.hpp decides
    std::filesystem::path journal = "/run/osie/journal";
    std::filesystem::path policy =
        "/etc/osie/policy.json";       // policy.hpp; missing: everything may run
    std::vector<std::string> ignored;  // given, understood, without effect here
};

// One setting under all its names. Public for the command line parser and the tests.
struct SettingSource {
    enum class Kind { text, boolean, secret };
    std::string key;                       // the name in messages
    std::vector<std::string> flags;        // without dashes; one letter: a short flag
    std::vector<std::string> environment;  // strongest first
    std::string kernel;                    // key of the kernel command line; empty: none
    Kind kind = Kind::text;
    std::string help;
};
const std::vector<SettingSource>& setting_sources();
// Flags of tink-agent and tink-worker that are accepted and have no effect.
const std::vector<std::string>& flags_without_effect();
// Why, for the log; empty for other flags.
std::string_view why_without_effect(std::string_view flag);

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// `flags` holds values by SettingSource::key. Errors name the setting and where it came from, never
// a secret's value.
Result<Settings> resolve_settings(const std::map<std::string, std::string>& flags,
                                  const Environment& environment, const KernelCommandLine& kernel);

// Go's durations of positive length: "5s", "1m30s", "500ms".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The settings without secrets, in one line for the log.
std::string describe(const Settings& settings);

}  // namespace osiekit::agent
