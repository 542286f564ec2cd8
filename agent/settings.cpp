#include "agent/settings.hpp"

#include <utility>

#include "lib/base/text.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::agent {
namespace {

using Kind = SettingSource::Kind;

Error invalid(const std::string& name, const std::string& value, const std::string& wanted) {
    return {ErrorKind::invalid_input, name + ": \"" + printable(value) + "\" is not " + wanted};
}

// A value and the name under which it was given.
struct Given {
    std::string value;
    std::string where;
};

std::optional<Given> find(const SettingSource& source,
                          const std::map<std::string, std::string>& flags,
                          const Environment& environment, const KernelCommandLine& kernel) {
    if (auto flag = flags.find(source.key); flag != flags.end())
        return Given{flag->second, "--" + source.flags.front()};
    for (const std::string& name : source.environment) {
        auto value = environment(name);
        // Tinkerbell's environments pass on what they were not given as empty variables.
        if (value && !value->empty()) return Given{*value, name};
    }
    if (source.kernel.empty() || !kernel.has(source.kernel)) return std::nullopt;
    std::string value = kernel.get(source.kernel);
    if (value.empty() && source.kind == Kind::boolean) value = "true";
    if (value.empty()) return std::nullopt;
    return Given{value, "kernel argument " + source.kernel};
}

class Values {
  public:
    explicit Values(std::map<std::string, Given> given) : given_(std::move(given)) {}

    void text(const char* key, std::string& target) const {
        if (auto found = given_.find(key); found != given_.end()) target = found->second.value;
    }
    Status boolean(const char* key, bool& target) const {
        auto found = given_.find(key);
        if (found == given_.end()) return {};
        auto value = parse_bool(found->second.value);
        if (!value) return invalid(found->second.where, found->second.value, "true or false");
        target = *value;
        return {};
    }
    Status bytes(const char* key, std::uint64_t& target) const {
        auto found = given_.find(key);
        if (found == given_.end()) return {};
        auto value = parse_u64(found->second.value);
        if (!value || *value == 0)
            return invalid(found->second.where, found->second.value, "a number of bytes");
        target = *value;
        return {};
    }
    Status size(const char* key, std::optional<std::uint64_t>& target) const {
        auto found = given_.find(key);
        if (found == given_.end()) return {};
        target = found->second.value == "0" ? 0 : sandbox::parse_size(found->second.value);
        if (!target)
            return invalid(found->second.where, found->second.value, "a size like 512MiB, or 0");
        return {};
    }
    Status port(const char* key, std::uint16_t& target) const {
        auto found = given_.find(key);
        if (found == given_.end()) return {};
        auto value = parse_u64(found->second.value);
        if (!value || *value == 0 || *value > 65535)
            return invalid(found->second.where, found->second.value, "a port number");
        target = static_cast<std::uint16_t>(*value);
        return {};
    }
    Status duration(const char* key, std::chrono::milliseconds& target) const {
        auto found = given_.find(key);
        if (found == given_.end()) return {};
        auto value = parse_duration(found->second.value);
        if (!value) return invalid(found->second.where, found->second.value, "a duration like 5s");
        target = *value;
        return {};
    }
    Status level(const char* key, LogLevel& target) const {
        auto found = given_.find(key);
        if (found == given_.end() || parse_log_level(found->second.value, target)) return {};
        // tink-agent counts: 0 is usual, more is more talkative.
        auto number = parse_u64(found->second.value);
        if (!number) return invalid(found->second.where, found->second.value, "a log level");
        target = *number == 0 ? LogLevel::info : LogLevel::debug;
        return {};
    }
    std::string where(const char* key) const {
        auto found = given_.find(key);
        return found == given_.end() ? key : found->second.where;
    }

  private:
    std::map<std::string, Given> given_;
};

std::vector<std::string> parse_hosts(std::string_view list) {
    std::vector<std::string> hosts;
    for (std::string_view host : split(list, ',')) {
        host = trim(host);
        if (host.substr(0, 7) == "http://") host.remove_prefix(7);
        while (!host.empty() && host.back() == '/') host.remove_suffix(1);
        if (!host.empty()) hosts.emplace_back(host);
    }
    return hosts;
}

Status fill(Settings& settings, const Values& values) {
    values.text("id", settings.id);
    values.text("server", settings.server);
    values.text("ca file", settings.ca_file);
    values.text("cert url", settings.cert_url);
    values.text("registry", settings.registry);
    values.text("registry user", settings.registry_user);
    values.text("registry password", settings.registry_password);
    values.text("registry config", settings.registry_config);
    values.text("registry hosts", settings.registry_hosts);
    values.text("registry ca", settings.registry_ca);
    std::string images;
    values.text("images", images);
    settings.images = images;
    values.text("hw_addr", settings.hw_addr);
    values.text("syslog host", settings.syslog_host);
    values.text("http proxy", settings.http_proxy);
    values.text("https proxy", settings.https_proxy);
    values.text("no proxy", settings.no_proxy);
    std::string hosts;
    values.text("insecure registries", hosts);
    settings.insecure_registries = parse_hosts(hosts);
    std::string path = settings.store;
    values.text("store", path);
    settings.store = path;
    path = settings.journal;
    values.text("journal", path);
    settings.journal = path;
    path = settings.policy;
    values.text("policy", path);
    settings.policy = path;
    // Servers that hand out their certificate speak nothing but TLS.
    settings.tls = !settings.cert_url.empty();
    OSIEKIT_TRY(values.boolean("tls", settings.tls));
    OSIEKIT_TRY(values.boolean("insecure tls", settings.insecure_tls));
    OSIEKIT_TRY(values.boolean("attributes", settings.attributes));
    OSIEKIT_TRY(values.boolean("capture logs", settings.capture_logs));
    OSIEKIT_TRY(values.boolean("stream logs", settings.stream_logs));
    OSIEKIT_TRY(values.bytes("workflow data", settings.max_workflow_data));
    OSIEKIT_TRY(values.size("store budget", settings.store_budget));
    OSIEKIT_TRY(values.port("syslog port", settings.syslog_port));
    OSIEKIT_TRY(values.duration("longest pause", settings.longest_pause));
    return values.level("log level", settings.log_level);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    constexpr std::uint64_t longest_ms = 1000ULL * 3600 * 24 * 365;
    std::uint64_t total = 0;
    std::string_view rest = text;
    do {
        std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
        auto number = parse_u64(rest.substr(0, digits));
        rest.remove_prefix(digits);
        std::size_t letters = std::min(rest.find_first_of("0123456789"), rest.size());
        std::string_view unit = rest.substr(0, letters);
        rest.remove_prefix(letters);
        std::uint64_t factor = unit == "ms"  ? 1
                               : unit == "s" ? 1000
                               : unit == "m" ? 60000
                               : unit == "h" ? 3600000
                                             : 0;
        if (!number || factor == 0 || *number > longest_ms / factor)
            return invalid("duration", std::string(text), "a number with ms, s, m or h");
        total += *number * factor;
    } while (!rest.empty() && total <= longest_ms);
    if (total == 0 || total > longest_ms)
        return invalid("duration", std::string(text), "between 1ms and a year");
    return std::chrono::milliseconds(total);
}

Result<Settings> resolve_settings(const std::map<std::string, std::string>& flags,
                                  const Environment& environment, const KernelCommandLine& kernel) {
    std::map<std::string, Given> given;
    for (const SettingSource& source : setting_sources())
        if (auto value = find(source, flags, environment, kernel))
            given.emplace(source.key, std::move(*value));
    auto transport = given.find("transport");
    if (transport != given.end() && transport->second.value != "grpc")
        return Error(ErrorKind::unsupported,
                     "the transport \"" + printable(transport->second.value) + "\" is not known")
            .hint("this agent speaks grpc");
    Settings settings;
    Values values(std::move(given));
    OSIEKIT_TRY(fill(settings, values));
    if (settings.server.empty())
        return Error(ErrorKind::invalid_input, "nobody said where the workflow server is")
            .hint(
                "give --grpc-server HOST:PORT, TINKERBELL_GRPC_AUTHORITY or the kernel argument "
                "grpc_authority=HOST:PORT");
    return settings;
}

std::string describe(const Settings& settings) {
    std::string text = "id " + printable(settings.id) + ", server " + printable(settings.server) +
                       (settings.tls ? settings.insecure_tls ? " (TLS, unchecked)" : " (TLS)" : "");
    if (!settings.registry.empty()) text += ", registry " + printable(settings.registry);
    if (!settings.registry_user.empty()) text += " with credentials";
    if (!settings.insecure_registries.empty())
        text += ", plain HTTP to " + printable(join(settings.insecure_registries, " "));
    return text;
}

}  // namespace osiekit::agent
