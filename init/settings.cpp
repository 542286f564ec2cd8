#include "init/settings.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/text.hpp"
#include "lib/kmod/module_index.hpp"

namespace osiekit::init {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t largest_vlan = 4094;
constexpr std::uint64_t largest_wait_s = 3600;

Error wrong(const std::string& key, std::string_view expected) {
    return {ErrorKind::invalid_input, "'" + key + "' is not " + std::string(expected)};
}

Status read_text(const Json& value, const std::string& key, std::string& out) {
    if (!value.is_string()) return wrong(key, "a string");
    out = value.get_ref<const std::string&>();
    if (out.size() > largest_text)
        return Error(ErrorKind::limit,
                     "'" + key + "' is longer than " + std::to_string(largest_text) + " bytes");
    if (out.find('\0') != std::string::npos) return wrong(key, "text without NUL");
    return {};
}

Status read_list(const Json& value, const std::string& key, std::vector<std::string>& out) {
    if (!value.is_array()) return wrong(key, "a list");
    if (value.size() > largest_list)
        return Error(ErrorKind::limit,
                     "'" + key + "' has more than " + std::to_string(largest_list) + " entries");
    for (const Json& entry : value) OSIEKIT_TRY(read_text(entry, key, out.emplace_back()));
    return {};
}

Status read_services(const Json& value, std::vector<ServiceSpec>& out) {
    if (!value.is_array()) return wrong("services", "a list");
    if (value.size() > largest_list)
        return Error(ErrorKind::limit, "more than " + std::to_string(largest_list) + " services");
    for (const Json& entry : value) {
        if (!entry.is_object() || !entry.contains("name") || !entry.contains("command"))
            return wrong("services", "a list of objects with name and command");
        ServiceSpec& service = out.emplace_back();
        OSIEKIT_TRY(read_text(entry["name"], "services.name", service.name));
        OSIEKIT_TRY(read_list(entry["command"], "services.command", service.command));
        if (service.command.empty() || service.command[0].empty() || service.command[0][0] != '/')
            return wrong("services.command", "an absolute path with its arguments");
        if (!entry.contains("sandbox")) continue;
        OSIEKIT_ASSIGN(service.sandbox, sandbox::service_from_json(entry["sandbox"]));
    }
    return {};
}

Status read_sysctl(const Json& value, std::map<std::string, std::string>& out) {
    if (!value.is_object()) return wrong("sysctl", "an object");
    if (value.size() > largest_list)
        return Error(ErrorKind::limit,
                     "'sysctl' has more than " + std::to_string(largest_list) + " entries");
    for (const auto& [name, text] : value.items())
        OSIEKIT_TRY(read_text(text, "sysctl", out[name]));
    return {};
}

Status read_document(const Json& document, ImageConfig& config) {
    if (!document.is_object())
        return Error(ErrorKind::invalid_input, "the document is not an object");
    if (auto it = document.find("hostname"); it != document.end())
        OSIEKIT_TRY(read_text(*it, "hostname", config.hostname));
    if (auto it = document.find("modules"); it != document.end())
        OSIEKIT_TRY(read_list(*it, "modules", config.modules));
    if (auto it = document.find("ntp"); it != document.end())
        OSIEKIT_TRY(read_list(*it, "ntp", config.ntp));
    if (auto it = document.find("sysctl"); it != document.end())
        OSIEKIT_TRY(read_sysctl(*it, config.sysctl));
    if (auto it = document.find("services"); it != document.end())
        OSIEKIT_TRY(read_services(*it, config.services));
    if (auto it = document.find("built"); it != document.end()) {
        if (!it->is_number_unsigned()) return wrong("built", "seconds since 1970");
        config.built = it->get<std::int64_t>();
    }
    if (auto it = document.find("network_wait_s"); it != document.end()) {
        if (!it->is_number_unsigned() || it->get<std::uint64_t>() > largest_wait_s)
            return wrong("network_wait_s", "a number of seconds up to 3600");
        config.network_wait_s = it->get<unsigned>();
    }
    return {};
}

std::vector<std::string> comma_list(std::string_view text) {
    std::vector<std::string> list;
    for (std::string_view part : split(text, ','))
        if (!trim(part).empty()) list.emplace_back(trim(part));
    return list;
}

// "module.parameter=value", as the kernel itself takes them for modules that are built in.
void collect_module_parameters(const KernelCommandLine& line, Settings& settings) {
    for (const auto& [key, value] : line.values()) {
        std::size_t dot = key.find('.');
        if (dot == std::string::npos || dot == 0 || dot + 1 == key.size()) continue;
        std::string& text = settings.module_parameters[kmod::normalised(key.substr(0, dot))];
        if (!text.empty()) text += ' ';
        text += key.substr(dot + 1);
        if (!value.empty()) text += '=' + value;
    }
}

void warn(Settings& settings, std::string_view key, std::string_view value,
          std::string_view expected) {
    settings.warnings.push_back("kernel argument " + std::string(key) + "=" + printable(value, 80) +
                                " is ignored: " + std::string(expected));
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view json) {
    if (json.size() > largest_image_config)
        return Error(ErrorKind::limit,
                     "larger than " + std::to_string(largest_image_config) + " bytes");
    ImageConfig config;
    try {
        // Neither deep nesting nor wrong UTF-8 gets an exception out of this reader.
        Json document = Json::parse(json.begin(), json.end(), nullptr, false);
        if (document.is_discarded())
            return Error(ErrorKind::invalid_input, "this is not a JSON document");
        OSIEKIT_TRY(read_document(document, config));
    } catch (const Json::exception& failure) {
        return Error(ErrorKind::invalid_input, failure.what());
    }
    return config;
}

Settings make_settings(ImageConfig image, const KernelCommandLine& line) {
    Settings settings;
    settings.image = std::move(image);
    settings.modules = comma_list(line.get("modules"));
    settings.blacklist = comma_list(line.get("modprobe.blacklist"));
    settings.debug = line.flag("osie.debug");
    collect_module_parameters(line, settings);
    if (std::string value = line.get("hw_addr"); !value.empty()) {
        settings.hw_addr = MacAddress::parse(value);
        if (!settings.hw_addr) warn(settings, "hw_addr", value, "not a MAC address");
    }
    if (std::string value = line.get("vlan_id"); !value.empty()) {
        std::optional<std::uint64_t> number = parse_u64(value);
        if (number && *number >= 1 && *number <= largest_vlan)
            settings.vlan_id = static_cast<std::uint16_t>(*number);
        else if (number != 0U)  // Tinkerbell writes 0 for "none"
            warn(settings, "vlan_id", value, "not a number from 1 to 4094");
    }
    if (std::string value = line.get("ipam"); !value.empty()) {
        Result<StaticConfig> config = parse_ipam(value);
        if (config)
            settings.ipam = std::move(*config);
        else
            warn(settings, "ipam", value, config.error().to_string());
    }
    return settings;
}

}  // namespace osiekit::init
