#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Members = YamlValue::Members;

}  // namespace

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

namespace {

Result<int> read_within(const YamlValue& value, const std::string& what, Bounds bounds) {
    if (bounds.lowest > bounds.highest)
        return value.bad("this compression method has no " + what + " to choose");
    OSIEKIT_ASSIGN(std::uint64_t number, value.number(static_cast<std::uint64_t>(bounds.lowest),
                                                      static_cast<std::uint64_t>(bounds.highest)));
    return static_cast<int>(number);
}

}  // namespace

Result<CompressionOptions> read_compression(const YamlValue& value) {
    CompressionOptions options;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("compression")));
    for (const auto& [key, member] : members) {
        if (key != "method") continue;
        OSIEKIT_ASSIGN(std::string name, member.text("a compression method"));
        auto method = parse_compression_method(name);
        if (!method)
            return member.bad("unknown compression method \"" + printable(name) + "\"")
                .hint("zstd, xz, gzip, lz4 or none");
        options = default_compression(*method);
    }
    for (const auto& [key, member] : members) {
        if (key == "level") {
            OSIEKIT_ASSIGN(options.level, read_within(member, key, level_bounds(options.method)));
        } else if (key == "window") {
            OSIEKIT_ASSIGN(options.window_log,
                           read_within(member, key, window_bounds(options.method)));
        }
    }
    return options;
}

Result<std::map<std::string, std::string>> read_sysctl(const YamlValue& value) {
    std::map<std::string, std::string> settings;
    OSIEKIT_ASSIGN(Members members, value.free_members());
    if (members.size() > most_sysctl)
        return value.bad("more than " + std::to_string(most_sysctl) + " kernel settings");
    for (const auto& [name, member] : members) {
        bool empty_part = name.find("..") != std::string::npos || name.ends_with('.');
        if (!is_name(name, "._-:", 255) || empty_part || name.find('.') == std::string::npos)
            return member.bad("\"" + printable(name) + "\" is not the name of a kernel setting")
                .hint("such as net.ipv4.ip_forward");
        OSIEKIT_ASSIGN(std::string text, read_line(member, "the value of a kernel setting"));
        if (text.empty() || text.size() > longest_sysctl)
            return member.bad("the value of " + name + " must have 1 to " +
                              std::to_string(longest_sysctl) + " bytes");
        settings.emplace(name, std::move(text));
    }
    return settings;
}

Result<FirmwareSpec> read_firmware(const YamlValue& value) {
    FirmwareSpec firmware;
    if (value.is_scalar()) {
        OSIEKIT_ASSIGN(std::string word, value.text("all, needed, none or a list"));
        if (word == "needed") {
            firmware.mode = FirmwareSpec::Mode::needed;
        } else if (word == "none") {
            firmware.mode = FirmwareSpec::Mode::none;
        } else if (word != "all") {
            return value.bad("unknown choice of firmware \"" + printable(word) + "\"")
                .hint("all, needed, none, or a list of patterns such as [bnx2x/*]");
        }
        return firmware;
    }
    firmware.mode = FirmwareSpec::Mode::matching;
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(std::string pattern, read_line(item, "a pattern of firmware files"));
        if (pattern.empty() || pattern.starts_with('/'))
            return item.bad("a pattern of firmware is relative to /lib/firmware")
                .hint("such as bnx2x/*");
        firmware.patterns.emplace_back(std::move(pattern), item.where());
    }
    return firmware;
}

Result<std::vector<std::string>> read_libraries(const YamlValue& value) {
    std::vector<std::string> patterns;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("libraries")));
    for (const auto& [key, member] : members) {
        OSIEKIT_ASSIGN(std::vector<YamlValue> items, member.list());
        for (const YamlValue& item : items) {
            OSIEKIT_ASSIGN(std::string pattern, read_line(item, "a path or pattern"));
            if (!pattern.starts_with('/'))
                return item.bad("a pattern of programs begins with \"/\"")
                    .hint("such as /usr/sbin/*");
            patterns.push_back(std::move(pattern));
        }
    }
    return patterns;
}

Result<AlpineSpec> read_alpine(const YamlValue& value) {
    AlpineSpec alpine;
    alpine.where = value.where();
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("alpine")));
    for (const auto& [key, member] : members) {
        if (key == "repositories") {
            OSIEKIT_ASSIGN(std::vector<YamlValue> items, member.list());
            alpine.repositories.clear();
            for (const YamlValue& item : items) {
                OSIEKIT_ASSIGN(std::string name,
                               read_name(item, "a repository such as main", "-_.", longest_name));
                alpine.repositories.push_back(std::move(name));
            }
        } else if (key == "branch") {
            OSIEKIT_ASSIGN(alpine.branch,
                           read_name(member, "a branch such as v3.20", "-_.", longest_name));
        } else if (key == "keys") {
            OSIEKIT_ASSIGN(std::string folder, read_line(member, "a folder of public keys"));
            if (!folder.empty()) alpine.keys = member.directory() / folder;
        } else {
            OSIEKIT_ASSIGN(alpine.mirror, read_line(member, "the URL of a mirror"));
        }
    }
    return alpine;
}

}  // namespace osiekit::builder
