#include "agent/settings.hpp"

#include <catch2/catch.hpp>

#include "agent/command_line.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

using Map = std::map<std::string, std::string>;

Result<Settings> resolve(const Map& flags, const Map& environment, const std::string& kernel) {
    return resolve_settings(
        flags,
        [&](const std::string& name) -> std::optional<std::string> {
            auto found = environment.find(name);
            if (found == environment.end()) return std::nullopt;
            return found->second;
        },
        KernelCommandLine::parse(kernel));
}

CommandLine parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "tink-worker");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("smee's kernel command line is enough") {
    auto settings =
        resolve({}, {},
                "facility= syslog_host=192.0.2.1 grpc_authority=192.0.2.1:42113 "
                "tinkerbell_tls=false worker_id=52:54:00:aa:bb:cc hw_addr=52:54:00:aa:bb:cc "
                "insecure_registries=192.0.2.1:5000,http://r.example/ docker_registry=r.example "
                "registry_username=u registry_password=secret HTTP_PROXY=http://p.example")
            .value();
    REQUIRE(settings.id == "52:54:00:aa:bb:cc");
    REQUIRE(settings.server == "192.0.2.1:42113");
    REQUIRE_FALSE(settings.tls);
    REQUIRE(settings.insecure_registries ==
            std::vector<std::string>{"192.0.2.1:5000", "r.example"});
    REQUIRE(settings.registry_password == "secret");
    REQUIRE(settings.syslog_host == "192.0.2.1");
    REQUIRE(settings.http_proxy == "http://p.example");
    REQUIRE(describe(settings).find("secret") == std::string::npos);
    REQUIRE(describe(settings).find("p.example") == std::string::npos);
}

TEST_CASE("flags win over the environment, old names over new ones, both over the kernel") {
    const std::string kernel = "worker_id=kernel grpc_authority=k:1";
    REQUIRE(resolve({}, {}, kernel)->id == "kernel");
    REQUIRE(resolve({}, {{"AGENT_ID", "agent"}}, kernel)->id == "agent");
    REQUIRE(resolve({}, {{"AGENT_ID", "agent"}, {"ID", "id"}}, kernel)->id == "id");
    REQUIRE(resolve({}, {{"ID", "id"}, {"WORKER_ID", "worker"}}, kernel)->id == "worker");
    REQUIRE(resolve({{"id", "flag"}}, {{"WORKER_ID", "worker"}}, kernel)->id == "flag");
    REQUIRE(resolve({}, {{"WORKER_ID", ""}}, kernel)->id == "kernel");
}

TEST_CASE("kernel keys without a value do no harm") {
    auto settings =
        resolve({}, {}, "tinkerbell_tls worker_id docker_registry grpc_authority=k:1").value();
    REQUIRE(settings.tls);
    REQUIRE(settings.id.empty());
}

TEST_CASE("wrong values are told with the name they were given under") {
    auto named = [](const Result<Settings>& result, const char* name) {
        REQUIRE(result.error().kind() == ErrorKind::invalid_input);
        REQUIRE(result.error().to_string().find(name) != std::string::npos);
    };
    named(resolve({{"server", "s:1"}}, {{"TINKERBELL_TLS", "maybe"}}, ""), "TINKERBELL_TLS");
    named(resolve({{"server", "s:1"}}, {}, "syslog_port=65536"), "syslog_port");
    named(resolve({{"server", "s:1"}, {"longest pause", "5"}}, {}, ""), "--backoff-max-interval");
    named(resolve({}, {}, ""), "grpc_authority");
    REQUIRE(resolve({{"server", "s:1"}, {"transport", "nats"}}, {}, "").error().kind() ==
            ErrorKind::unsupported);
}

TEST_CASE("tink-worker's limits and pauses, and the files about registries") {
    auto settings = resolve({{"server", "s:1"}, {"registry hosts", "/h"}},
                            {{"RETRY_INTERVAL", "3s"},
                             {"MAX_FILE_SIZE", "4096"},
                             {"CAPTURE_ACTION_LOGS", "false"},
                             {"AGENT_REGISTRY_CONFIG", "/c"},
                             {"AGENT_REGISTRY_CA_FILE", "/a"},
                             {"AGENT_IMAGES", "/i"}},
                            "")
                        .value();
    REQUIRE(settings.longest_pause == std::chrono::seconds(3));
    REQUIRE(settings.max_workflow_data == 4096);
    REQUIRE_FALSE(settings.capture_logs);
    REQUIRE(settings.registry_config == "/c");
    REQUIRE(settings.registry_hosts == "/h");
    REQUIRE(settings.registry_ca == "/a");
    REQUIRE(settings.images == "/i");
    auto usual = resolve({{"server", "s:1"}}, {}, "").value();
    REQUIRE(usual.longest_pause == std::chrono::seconds(5));
    REQUIRE(usual.max_workflow_data == 10U << 20U);
    REQUIRE(usual.capture_logs);
    for (const char* value : {"0", "-1", "ten"})
        REQUIRE(resolve({{"server", "s:1"}}, {{"MAX_FILE_SIZE", value}}, "").error().kind() ==
                ErrorKind::invalid_input);
}

TEST_CASE("durations as Go writes them") {
    REQUIRE(parse_duration("5s").value() == std::chrono::seconds(5));
    REQUIRE(parse_duration("1m30s").value() == std::chrono::seconds(90));
    REQUIRE(parse_duration("8760h").value() == std::chrono::hours(8760));
    for (const char* text :
         {"", "5", "s", "5x", "-5s", "0s", "8761h", "5s5", "18446744073709551616s"})
        REQUIRE_FALSE(parse_duration(text));
}

TEST_CASE("both programs' flags, with one dash or two") {
    auto parsed = parse({"-id", "x", "--tinkerbell-grpc-authority=s:1", "-grpc-tls=false",
                         "--tinkerbell-insecure-tls", "-r", "reg", "--containerd-socket", "/x"});
    REQUIRE_FALSE(parsed.exit);
    REQUIRE(parsed.values == Map{{"id", "x"},
                                 {"server", "s:1"},
                                 {"tls", "false"},
                                 {"insecure tls", "true"},
                                 {"registry", "reg"}});
    REQUIRE(parsed.ignored == std::vector<std::string>{"containerd-socket"});
    for (const std::string& flag : flags_without_effect()) CHECK(!why_without_effect(flag).empty());
    CHECK(why_without_effect("id").empty());
    REQUIRE(parse({"--no-such-flag"}).exit == 2);
    REQUIRE(parse({"--version"}).exit == 0);
}
