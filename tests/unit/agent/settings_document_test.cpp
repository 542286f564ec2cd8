// The agent's settings beside docs/agent.md, and beside the names that Tinkerbell's programs have.
#include <catch2/catch.hpp>
#include <set>

#include "agent/command_line.hpp"
#include "agent/settings.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

using Names = std::vector<std::string>;

std::string quoted(const Names& names) {
    Names all;
    for (const std::string& name : names) all.push_back("`" + name + "`");
    return join(all, ", ");
}

std::string dashed(const std::string& flag) {
    return (flag.size() == 1 ? "-" : "--") + flag;
}

// What the code says a row of the table is, without the default.
Names row_of(const SettingSource& source) {
    Names flags;
    for (const std::string& flag : source.flags) flags.push_back(dashed(flag));
    return {quoted(flags), quoted(source.environment),
            source.kernel.empty() ? "" : quoted({source.kernel})};
}

// The rows of the first table of the document.
std::vector<Names> document_rows() {
    std::vector<Names> rows;
    std::string text = read_file(OSIEKIT_SOURCE_DIR "/docs/agent.md").value();
    for (std::string_view line : split(text, '\n')) {
        auto cells = split(line, '|');
        if (cells.size() != 6) {
            if (!rows.empty()) break;
            continue;
        }
        Names row;
        for (std::size_t i = 1; i <= 4; ++i) row.emplace_back(trim(cells[i]));
        rows.push_back(std::move(row));
    }
    return rows;
}

Settings resolve(const std::string& key, const std::string& value) {
    auto settings = resolve_settings(
        {{"server", "s:1"}, {key, value}}, [](const std::string&) { return std::nullopt; },
        KernelCommandLine::parse(""));
    REQUIRE(settings);
    return *settings;
}

}  // namespace

TEST_CASE("docs/agent.md has every setting under all its names") {
    auto rows = document_rows();
    REQUIRE(rows.size() == setting_sources().size() + 2);  // heading and rule
    for (std::size_t i = 0; i < setting_sources().size(); ++i) {
        Names row = rows[i + 2];
        REQUIRE_FALSE(row.back().empty());
        row.pop_back();
        CHECK(row == row_of(setting_sources()[i]));
    }
    std::string text = read_file(OSIEKIT_SOURCE_DIR "/docs/agent.md").value();
    for (const std::string& flag : flags_without_effect())
        CHECK(text.find("`--" + flag + "`") != std::string::npos);
}

TEST_CASE("no name stands for two settings") {
    std::set<std::string> flags(flags_without_effect().begin(), flags_without_effect().end());
    std::set<std::string> environment;
    std::set<std::string> kernel;
    for (const SettingSource& source : setting_sources()) {
        for (const std::string& name : source.flags) CHECK(flags.insert(name).second);
        for (const std::string& name : source.environment) CHECK(environment.insert(name).second);
        if (!source.kernel.empty()) CHECK(kernel.insert(source.kernel).second);
    }
}

// The names that tink-worker (v0.1 to v0.12) and tink-agent (v0.17 to v0.25) have.
TEST_CASE("every flag of tink-worker and tink-agent is taken") {
    const Names with_value = {"id",
                              "docker-registry",
                              "registry-username",
                              "registry-password",
                              "retry-interval",
                              "max-retry",
                              "timeout",
                              "max-file-size",
                              "tinkerbell-grpc-authority",
                              "log-level",
                              "runtime",
                              "transport",
                              "backoff-max-interval",
                              "registry-name",
                              "registry-user",
                              "registry-pass",
                              "docker-socket",
                              "containerd-namespace",
                              "containerd-socket",
                              "containerd-data-root",
                              "containerd-registry-config-path",
                              "kubernetes-namespace",
                              "kubernetes-kubeconfig",
                              "kubernetes-service-account",
                              "grpc-server",
                              "grpc-retry-interval",
                              "workflow-path",
                              "nats-server",
                              "nats-stream",
                              "nats-events",
                              "nats-actions"};
    const Names boolean = {"capture-action-logs", "tinkerbell-tls", "tinkerbell-insecure-tls",
                           "attribute-detection", "grpc-tls",       "grpc-insecure-tls"};
    auto taken = [](const Names& arguments) {
        std::vector<const char*> pointers = {"tink-worker"};
        for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
        auto parsed = parse_command_line(static_cast<int>(pointers.size()), pointers.data());
        return !parsed.exit && parsed.values.size() + parsed.ignored.size() == 1;
    };
    for (const std::string& flag : with_value) {
        INFO(flag);
        CHECK(taken({"--" + flag, "5s"}));
        CHECK(taken({"-" + flag + "=5s"}));
    }
    for (const std::string& flag : boolean) {
        INFO(flag);
        CHECK(taken({"--" + flag}));
        CHECK(taken({"-" + flag + "=false"}));
    }
    for (const char* flag : {"-i", "-r", "-u", "-p"}) CHECK(taken({flag, "x"}));
}

TEST_CASE("every variable and kernel argument of Tinkerbell's that is about the agent is read") {
    const Names variables = {"ID",
                             "WORKER_ID",
                             "DOCKER_REGISTRY",
                             "REGISTRY_USERNAME",
                             "REGISTRY_PASSWORD",
                             "RETRY_INTERVAL",
                             "MAX_FILE_SIZE",
                             "CAPTURE_ACTION_LOGS",
                             "TINKERBELL_GRPC_AUTHORITY",
                             "TINKERBELL_TLS",
                             "TINKERBELL_INSECURE_TLS",
                             "TINKERBELL_CERT_URL",
                             "AGENT_ID",
                             "AGENT_LOG_LEVEL",
                             "AGENT_TRANSPORT",
                             "AGENT_ATTRIBUTE_DETECTION",
                             "AGENT_BACKOFF_MAX_INTERVAL",
                             "AGENT_REGISTRY_NAME",
                             "AGENT_REGISTRY_USER",
                             "AGENT_REGISTRY_PASS",
                             "AGENT_GRPC_SERVER",
                             "AGENT_GRPC_TLS",
                             "AGENT_GRPC_INSECURE_TLS",
                             "HTTP_PROXY",
                             "HTTPS_PROXY",
                             "NO_PROXY"};
    // vlan_id, ipam and the rest of HookOS's are osie-init's; OSIE's of 2021 have no meaning here.
    const Names kernel = {"docker_registry",
                          "registry_username",
                          "registry_password",
                          "grpc_authority",
                          "grpc_cert_url",
                          "worker_id",
                          "tinkerbell_tls",
                          "tinkerbell_insecure_tls",
                          "syslog_host",
                          "syslog_port",
                          "insecure_registries",
                          "HTTP_PROXY",
                          "HTTPS_PROXY",
                          "NO_PROXY",
                          "hw_addr"};
    std::set<std::string> read_variables;
    std::set<std::string> read_kernel;
    for (const SettingSource& source : setting_sources()) {
        read_variables.insert(source.environment.begin(), source.environment.end());
        read_kernel.insert(source.kernel);
    }
    for (const std::string& name : variables) CHECK(read_variables.count(name) == 1);
    for (const std::string& name : kernel) CHECK(read_kernel.count(name) == 1);
}

TEST_CASE("the store's budget") {
    REQUIRE_FALSE(resolve("registry", "r").store_budget);
    REQUIRE(resolve("store budget", "0").store_budget == 0U);
    REQUIRE(resolve("store budget", "512MiB").store_budget == 512U << 20U);
    auto wrong = resolve_settings(
        {{"server", "s:1"}, {"store budget", "half"}},
        [](const std::string&) { return std::nullopt; }, KernelCommandLine::parse(""));
    REQUIRE(wrong.error().kind() == ErrorKind::invalid_input);
    REQUIRE(wrong.error().to_string().find("--store-budget") != std::string::npos);
}
