#include "lib/sandbox/service.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/text.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::sandbox {
namespace {

using nlohmann::json;

constexpr std::size_t longest_text = 4096;

Error invalid(const std::string& where, const std::string& why) {
    return {ErrorKind::invalid_input, "sandbox." + where + ": " + why};
}

Result<std::string> text_of(const json& value, const std::string& where) {
    if (!value.is_string()) return invalid(where, "must be a text");
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty() || text.size() > longest_text || text.find('\0') != std::string::npos)
        return invalid(where, "must have 1 to " + std::to_string(longest_text) + " bytes");
    return text;
}

Result<std::uint32_t> id_of(const json& value, const std::string& where) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= UINT32_MAX)
        return invalid(where, "must be the number of a user or group");
    return value.get<std::uint32_t>();
}

Result<std::vector<std::string>> paths_of(const json& value, const std::string& where) {
    if (!value.is_array()) return invalid(where, "must be a list of paths");
    if (value.size() > most_writable)
        return Error(ErrorKind::limit, "sandbox." + where + ": has more than " +
                                           std::to_string(most_writable) + " entries");
    std::vector<std::string> paths;
    for (const json& one : value) {
        OSIEKIT_ASSIGN(std::string path, text_of(one, where));
        paths.push_back(std::move(path));
    }
    return paths;
}

Status take(ServiceSandbox& service, const std::string& key, const json& value) {
    if (key == "uid") {
        OSIEKIT_ASSIGN(service.uid, id_of(value, key));
    } else if (key == "gid") {
        OSIEKIT_ASSIGN(service.gid, id_of(value, key));
    } else if (key == "home") {
        OSIEKIT_ASSIGN(service.home, text_of(value, key));
    } else if (key == "limits") {
        OSIEKIT_ASSIGN(service.limits, limits_from_json(value, "sandbox.limits"));
    } else if (key == "writable") {
        OSIEKIT_ASSIGN(service.writable, paths_of(value, key));
    } else if (key == "level") {
        OSIEKIT_ASSIGN(std::string text, text_of(value, key));
        OSIEKIT_ASSIGN(service.level, parse_level(text));
    } else if (key == "network") {
        OSIEKIT_ASSIGN(std::string text, text_of(value, key));
        OSIEKIT_ASSIGN(service.network, parse_network(text));
        if (service.network == Network::bridge) return invalid(key, "must be host or none");
    } else {
        return invalid(printable(key), "is no key of a service's sandbox");
    }
    return {};
}

}  // namespace

std::vector<std::string> service_environment(const std::string& home) {
    return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home,
            "TERM=linux"};
}

SandboxSpec service_spec(const std::string& name, const std::vector<std::string>& command,
                         const ServiceSandbox& service, int output) {
    SandboxSpec spec;
    spec.level = service.level;
    spec.rootfs = "/";
    spec.shares_root = true;
    spec.argv = command;
    spec.env = service_environment(service.home);
    spec.uid = service.uid;
    spec.gid = service.gid;
    spec.network = service.network;
    spec.cgroup = "service-" + name;
    spec.limits = service.limits;
    spec.stdout_fd = spec.stderr_fd = output;
    for (const std::string& path : service.writable) {
        Mount mount;
        mount.source = mount.target = path;
        mount.create_source = true;
        // A service may have put a link there before it was started again.
        mount.source_without_links = true;
        spec.mounts.push_back(std::move(mount));
    }
    return spec;
}

json service_to_json(const ServiceSandbox& service) {
    json value = {{"level", to_string(service.level)},
                  {"uid", service.uid},
                  {"gid", service.gid},
                  {"home", service.home},
                  {"network", to_string(service.network)}};
    if (service.limits != Limits{}) value["limits"] = limits_to_json(service.limits);
    if (!service.writable.empty()) value["writable"] = service.writable;
    return value;
}

Result<ServiceSandbox> service_from_json(const json& value) {
    if (!value.is_object() || !value.contains("level")) return invalid("level", "is missing");
    ServiceSandbox service;
    for (const auto& [key, member] : value.items()) OSIEKIT_TRY(take(service, key, member));
    return service;
}

}  // namespace osiekit::sandbox
