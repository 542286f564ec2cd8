// Every setting under all its names.
#include "agent/settings.hpp"

#include <array>

namespace osiekit::agent {
namespace {

using Kind = SettingSource::Kind;

// Whom to serve, and where images come from.
const std::vector<SettingSource> main_sources = {
    {"id",
     {"id", "i"},
     {"WORKER_ID", "ID", "AGENT_ID"},
     "worker_id",
     Kind::text,
     "Who this machine is to the server (default: its hardware address)"},
    {"server",
     {"grpc-server", "tinkerbell-grpc-authority"},
     {"TINKERBELL_GRPC_AUTHORITY", "AGENT_GRPC_SERVER"},
     "grpc_authority",
     Kind::text,
     "HOST:PORT of the workflow service"},
    {"tls",
     {"grpc-tls", "tinkerbell-tls"},
     {"TINKERBELL_TLS", "AGENT_GRPC_TLS"},
     "tinkerbell_tls",
     Kind::boolean,
     "Talk TLS to the server"},
    {"insecure tls",
     {"grpc-insecure-tls", "tinkerbell-insecure-tls"},
     {"TINKERBELL_INSECURE_TLS", "AGENT_GRPC_INSECURE_TLS"},
     "tinkerbell_insecure_tls",
     Kind::boolean,
     "Do not check the server's certificate"},
    {"ca file",
     {"grpc-ca-file"},
     {"AGENT_GRPC_CA_FILE"},
     "",
     Kind::text,
     "PEM file of certificates to trust beside the system's"},
    {"cert url",
     {"tinkerbell-cert-url"},
     {"TINKERBELL_CERT_URL"},
     "grpc_cert_url",
     Kind::text,
     "Where the server's certificate is (Tinkerbell before v0.7); turns TLS on"},
    {"attributes",
     {"attribute-detection"},
     {"AGENT_ATTRIBUTE_DETECTION"},
     "",
     Kind::boolean,
     "Tell the server what hardware this is (default: true)"},
    // retry-interval is tink-worker's word for the pause between two questions.
    {"longest pause",
     {"backoff-max-interval", "retry-interval"},
     {"AGENT_BACKOFF_MAX_INTERVAL", "RETRY_INTERVAL"},
     "",
     Kind::text,
     "Longest pause between two questions (default: 5s)"},
    {"workflow data",
     {"max-file-size"},
     {"MAX_FILE_SIZE"},
     "",
     Kind::text,
     "Most bytes of a workflow's data (default: 10 MiB), with servers up to v0.8"},
    {"capture logs",
     {"capture-action-logs"},
     {"CAPTURE_ACTION_LOGS"},
     "",
     Kind::boolean,
     "Log what actions print (default: true); a remote log gets it in any case"},
    {"stream logs",
     {"stream-logs"},
     {"AGENT_STREAM_LOGS"},
     "",
     Kind::boolean,
     "Send what actions print to an osie-server, which keeps it (default: true)"},
    {"registry",
     {"registry-name", "docker-registry", "r"},
     {"DOCKER_REGISTRY", "AGENT_REGISTRY_NAME"},
     "docker_registry",
     Kind::text,
     "The registry that the user and password are for; tink-worker's servers want it before "
     "every image"},
    {"registry user",
     {"registry-user", "registry-username", "u"},
     {"REGISTRY_USERNAME", "AGENT_REGISTRY_USER"},
     "registry_username",
     Kind::text,
     "User at the registry"},
    {"registry password",
     {"registry-pass", "registry-password", "p"},
     {"REGISTRY_PASSWORD", "AGENT_REGISTRY_PASS"},
     "registry_password",
     Kind::secret,
     "Password at the registry; the environment keeps it out of the process list"},
    {"insecure registries",
     {"insecure-registries"},
     {"INSECURE_REGISTRIES", "AGENT_INSECURE_REGISTRIES"},
     "insecure_registries",
     Kind::text,
     "Registries that speak plain HTTP: HOST:PORT,..."},
    {"images",
     {"images"},
     {"AGENT_IMAGES"},
     "",
     Kind::text,
     "Image layout that is asked before any registry (default: /usr/share/osie/images)"},
    {"registry config",
     {"registry-config"},
     {"AGENT_REGISTRY_CONFIG"},
     "",
     Kind::text,
     "Credentials, as in Docker's config.json (default: /etc/osie/registries/config.json)"},
    {"registry hosts",
     {"registry-hosts"},
     {"AGENT_REGISTRY_HOSTS"},
     "",
     Kind::text,
     "Mirrors and certificates (default: /etc/osie/registries/hosts.json)"},
    {"registry ca",
     {"registry-ca-file"},
     {"AGENT_REGISTRY_CA_FILE"},
     "",
     Kind::text,
     "PEM file of authorities to trust beside the system's (default: "
     "/etc/osie/registries/ca.pem)"},
};

// The machine around the agent.
const std::vector<SettingSource> further_sources = {
    {"hw_addr",
     {"hw-addr"},
     {"AGENT_HW_ADDR"},
     "hw_addr",
     Kind::text,
     "Hardware address that stands in for a missing id"},
    {"syslog host",
     {"syslog-host"},
     {"AGENT_SYSLOG_HOST"},
     "syslog_host",
     Kind::text,
     "HOST, udp://HOST[:PORT] or tcp://HOST[:PORT] that the actions' output is sent to"},
    {"syslog port",
     {"syslog-port"},
     {"AGENT_SYSLOG_PORT"},
     "syslog_port",
     Kind::text,
     "Port of the syslog host, if it names none (default: 514)"},
    {"http proxy",
     {"http-proxy"},
     {"HTTP_PROXY", "http_proxy"},
     "HTTP_PROXY",
     Kind::secret,
     "Proxy for plain HTTP"},
    {"https proxy",
     {"https-proxy"},
     {"HTTPS_PROXY", "https_proxy"},
     "HTTPS_PROXY",
     Kind::secret,
     "Proxy for HTTPS"},
    {"no proxy",
     {"no-proxy"},
     {"NO_PROXY", "no_proxy"},
     "NO_PROXY",
     Kind::text,
     "Hosts that are reached directly"},
    {"log level",
     {"log-level"},
     {"AGENT_LOG_LEVEL"},
     "",
     Kind::text,
     "debug, info, warning or error; or tink-agent's numbers"},
    {"store",
     {"store"},
     {"AGENT_STORE"},
     "",
     Kind::text,
     "Where images are unpacked (default: /var/lib/osie)"},
    {"store budget",
     {"store-budget"},
     {"AGENT_STORE_BUDGET"},
     "",
     Kind::text,
     "Most bytes of layers that stay between workflows, such as 512MiB; 0 keeps none (default: a "
     "quarter of the memory)"},
    {"journal",
     {"journal"},
     {"AGENT_JOURNAL"},
     "",
     Kind::text,
     "What has been done and reported (default: /run/osie/journal)"},
    // No kernel argument: the server writes those, and has no say in it.
    {"policy",
     {"policy"},
     {"AGENT_POLICY"},
     "",
     Kind::text,
     "Which images may run, and as what (default: /etc/osie/policy.json)"},
    {"transport", {"transport"}, {"AGENT_TRANSPORT"}, "", Kind::text, "grpc, the only one"},
};

struct WithoutEffect {
    std::string_view flag;
    std::string_view why;
};

constexpr std::string_view no_engine = "actions run without a container engine";
constexpr std::string_view no_nats = "the server is asked over gRPC";

constexpr std::array<WithoutEffect, 17> without_effect = {{
    {"runtime", no_engine},
    {"docker-socket", no_engine},
    {"containerd-namespace", no_engine},
    {"containerd-socket", no_engine},
    {"containerd-data-root", no_engine},
    {"containerd-registry-config-path", "registries are described by --registry-hosts"},
    {"kubernetes-namespace", no_engine},
    {"kubernetes-kubeconfig", no_engine},
    {"kubernetes-service-account", no_engine},
    {"grpc-retry-interval", "tink-agent does not use it either; see --backoff-max-interval"},
    {"workflow-path", "tink-agent does not use it either"},
    {"nats-server", no_nats},
    {"nats-stream", no_nats},
    {"nats-events", no_nats},
    {"nats-actions", no_nats},
    {"max-retry", "a report is repeated until the server takes it, or the machine would be lost"},
    {"timeout", "an agent lives as long as its machine; each action has a timeout of its own"},
}};

}  // namespace

const std::vector<SettingSource>& setting_sources() {
    static const std::vector<SettingSource> sources = [] {
        std::vector<SettingSource> all = main_sources;
        all.insert(all.end(), further_sources.begin(), further_sources.end());
        return all;
    }();
    return sources;
}

const std::vector<std::string>& flags_without_effect() {
    static const std::vector<std::string> flags = [] {
        std::vector<std::string> names;
        for (const WithoutEffect& each : without_effect) names.emplace_back(each.flag);
        return names;
    }();
    return flags;
}

std::string_view why_without_effect(std::string_view flag) {
    for (const WithoutEffect& each : without_effect)
        if (each.flag == flag) return each.why;
    return {};
}

}  // namespace osiekit::agent
