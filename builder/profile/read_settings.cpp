#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Members = YamlValue::Members;

Result<ServiceSpec> read_service(const YamlValue& value) {
    ServiceSpec service;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("services[]")));
    for (const auto& [key, member] : members) {
        if (key == "name") {
            OSIEKIT_ASSIGN(service.name, read_name(member, "a service name", "._-", longest_name));
            continue;
        }
        OSIEKIT_ASSIGN(std::vector<YamlValue> words, member.list());
        for (const YamlValue& word : words) {
            OSIEKIT_ASSIGN(std::string text, word.text("a word of a command"));
            if (text.find('\0') != std::string::npos) return word.bad("a word with a NUL inside");
            service.command.push_back(std::move(text));
        }
        if (service.command.empty() || !service.command.front().starts_with('/'))
            return member.bad("a command starts with the absolute path of a program");
    }
    if (service.name.empty() || service.command.empty())
        return value.bad("a service needs both \"name\" and \"command\"");
    return service;
}

}  // namespace

Result<std::vector<ServiceSpec>> read_services(const YamlValue& value) {
    std::vector<ServiceSpec> services;
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(ServiceSpec service, read_service(item));
        for (const ServiceSpec& other : services)
            if (other.name == service.name)
                return item.bad("a second service \"" + service.name + "\"")
                    .hint("one that is extended goes with remove: {services: [" + service.name +
                          "]}");
        services.push_back(std::move(service));
    }
    return services;
}

Status read_init(const YamlValue& value, InitSpec& init) {
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("init")));
    for (const auto& [key, member] : members) {
        if (key == "hostname") {
            OSIEKIT_ASSIGN(init.hostname, read_name(member, "a host name", ".-", longest_name));
            continue;
        }
        OSIEKIT_ASSIGN(std::vector<YamlValue> items, member.list());
        for (const YamlValue& item : items) {
            OSIEKIT_ASSIGN(std::string host, read_name(item, "a time server", ".:-", 253));
            init.ntp.push_back(std::move(host));
        }
    }
    return {};
}

Result<std::vector<ProgramSpec>> read_programs(const YamlValue& value) {
    std::vector<ProgramSpec> programs;
    OSIEKIT_ASSIGN(Members members, value.free_members());
    for (const auto& [name, member] : members) {
        ProgramSpec program;
        program.name = name;
        program.where = member.where();
        if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
            name.find('\0') != std::string::npos)
            return member.bad("\"" + printable(name) + "\" is not the file name of a program");
        OSIEKIT_ASSIGN(program.path, read_path(member));
        programs.push_back(std::move(program));
    }
    return programs;
}

Result<CompressionOptions> read_compression(const YamlValue& value) {
    CompressionOptions options;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("compression")));
    for (const auto& [key, member] : members) {
        if (key == "method") {
            OSIEKIT_ASSIGN(std::string method, member.text("a compression method"));
            if (method != "zstd")
                return member.bad("unknown compression method \"" + printable(method) + "\"")
                    .hint("zstd is the only one");
        } else if (key == "level") {
            OSIEKIT_ASSIGN(std::uint64_t level, member.number(1, highest_level));
            options.level = static_cast<int>(level);
        } else {
            OSIEKIT_ASSIGN(std::uint64_t window,
                           member.number(smallest_window_log, largest_window_log));
            options.window_log = static_cast<int>(window);
        }
    }
    return options;
}

}  // namespace osiekit::builder
