#include "builder/kernel/modinfo.hpp"

#include <algorithm>
#include <array>

#include "builder/kernel/elf.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

void take_value(ModuleInfo& info, std::string_view key, std::string_view value) {
    if (key == "name") {
        info.name = module_name(value);
    } else if (key == "depends") {
        for (std::string_view name : split(value, ','))
            if (!trim(name).empty()) info.depends.push_back(module_name(trim(name)));
    } else if (key == "alias") {
        info.aliases.emplace_back(value);
    } else if (key == "softdep") {
        info.softdeps.emplace_back(value);
    } else if (key == "firmware") {
        info.firmware.emplace_back(value);
    } else if (key == "vermagic") {
        info.vermagic = trim(value);
    }
}

}  // namespace

Result<ModuleInfo> parse_modinfo(std::string_view section) {
    ModuleInfo info;
    while (!section.empty()) {
        std::size_t end = section.find('\0');
        std::string_view field = section.substr(0, end);
        section.remove_prefix(end == std::string_view::npos ? section.size() : end + 1);
        if (field.empty()) continue;
        if (field.size() > longest_modinfo_value)
            return Error(ErrorKind::limit, "a value of .modinfo is longer than " +
                                               std::to_string(longest_modinfo_value) + " bytes");
        // Values end up as lines of text files.
        if (std::any_of(field.begin(), field.end(), [](char c) { return c == '\n' || c == '\r'; }))
            continue;
        std::size_t equals = field.find('=');
        if (equals == std::string_view::npos) continue;
        take_value(info, field.substr(0, equals), field.substr(equals + 1));
    }
    return info;
}

Result<ModuleInfo> read_modinfo(std::string_view module_file) {
    OSIEKIT_ASSIGN(std::string_view section, elf_section(module_file, ".modinfo"));
    return parse_modinfo(section);
}

std::string module_name(std::string_view name) {
    std::string result(name);
    std::replace(result.begin(), result.end(), '-', '_');
    return result;
}

std::string module_name_of_path(std::string_view path) {
    std::string_view file = path.substr(path.rfind('/') + 1);
    for (std::string_view suffix : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"})
        if (file.size() > suffix.size() && file.ends_with(suffix))
            return module_name(file.substr(0, file.size() - suffix.size()));
    return {};
}

std::vector<std::string> softdep_names(std::string_view value) {
    std::vector<std::string> names;
    for (std::string_view word : split_words(value))
        if (!word.ends_with(':')) names.emplace_back(word);
    return names;
}

}  // namespace osiekit::builder
