#include "builder/image/firmware.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "lib/base/digest.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Mode = FirmwareSpec::Mode;

constexpr std::array<std::string_view, 2> folders = {"lib/firmware/", "usr/lib/firmware/"};
constexpr std::array<std::string_view, 2> suffixes = {".xz", ".zst"};
constexpr std::size_t most_named = 5;  // in a warning

// The name by which a module asks for a file, if that is firmware; still with its compression.
std::string_view name_of(std::string_view path) {
    for (std::string_view folder : folders)
        if (path.starts_with(folder)) return path.substr(folder.size());
    return {};
}

std::string_view uncompressed(std::string_view name) {
    for (std::string_view suffix : suffixes)
        if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
    return name;
}

bool fits(const std::string& pattern, std::string_view name) {
    return ::fnmatch(pattern.c_str(), std::string(name).c_str(), 0) == 0 ||
           ::fnmatch(pattern.c_str(), std::string(uncompressed(name)).c_str(), 0) == 0;
}

// What a pattern or name leads to in an image, without those that only say where they are.
std::vector<std::string_view> found(const Tree& image, const std::string& wanted) {
    std::vector<std::string_view> names;
    for (std::string_view folder : folders) {
        // A name without a pattern needs no search.
        bool plain = wanted.find_first_of("*?[") == std::string::npos;
        std::string begin = std::string(folder) + (plain ? wanted : "");
        const auto& entries = image.entries();
        for (auto it = entries.lower_bound(begin);
             it != entries.end() && it->first.starts_with(begin); ++it) {
            const Entry* entry = image.resolve(it->first);
            if (entry == nullptr || entry->type != EntryType::file) continue;
            std::string_view name = std::string_view(it->first).substr(folder.size());
            if (fits(wanted, name)) names.push_back(name);
        }
    }
    return names;
}

// The entry and the symlinks and the file that it leads to.
void keep(const Tree& package, std::string path, std::set<std::string, std::less<>>& kept) {
    for (const Entry* entry = package.find(path); entry != nullptr; entry = package.find(path)) {
        if (!kept.insert(path).second || entry->type != EntryType::symlink) return;
        std::filesystem::path target = entry->target;
        if (target.is_relative()) target = std::filesystem::path(path).parent_path() / target;
        path = target.lexically_normal().relative_path().string();
    }
}

bool wants(const FirmwareSpec& spec, const std::set<std::string>& plain,
           const std::vector<std::string>& patterns, std::string_view name) {
    if (spec.mode == Mode::none) return false;
    if (plain.count(std::string(uncompressed(name))) != 0 || plain.count(std::string(name)) != 0)
        return true;
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return fits(pattern, name); });
}

}  // namespace

bool is_firmware(std::string_view path) {
    return !name_of(path).empty();
}

std::string firmware_key(const FirmwareSpec& spec, const ModuleFirmware& asked) {
    if (spec.mode == Mode::all) return "";
    std::string text = std::to_string(static_cast<int>(spec.mode));
    if (spec.mode == Mode::needed)
        for (const auto& [module, names] : asked)
            for (const std::string& name : names) text += "\n" + name;
    for (const auto& [pattern, where] : spec.patterns) text += "\n" + pattern;
    return " firmware " + Sha256::of(text).hex();
}

Result<Tree> select_firmware(const Tree& package, const FirmwareSpec& spec,
                             const ModuleFirmware& asked) {
    if (spec.mode == Mode::all) return package;
    std::set<std::string> plain;
    std::vector<std::string> patterns;
    if (spec.mode == Mode::needed)
        for (const auto& [module, names] : asked)
            for (const std::string& name : names) {
                if (name.find_first_of("*?[") == std::string::npos)
                    plain.insert(name);
                else
                    patterns.push_back(name);
            }
    for (const auto& [pattern, where] : spec.patterns) patterns.push_back(pattern);
    std::set<std::string, std::less<>> kept;
    for (const auto& [path, entry] : package.entries()) {
        if (entry.type == EntryType::directory || !is_firmware(path)) continue;
        const Entry* real = package.resolve(path);
        bool folder_link = real != nullptr && real->type == EntryType::directory;
        if (folder_link || wants(spec, plain, patterns, name_of(path))) keep(package, path, kept);
    }
    // Also by way of a symlink to a folder.
    for (const std::string& name : plain)
        for (std::string_view folder : folders)
            for (std::string_view suffix : {std::string_view(), suffixes[0], suffixes[1]})
                if (auto path = package.follow(std::string(folder) + name + std::string(suffix)))
                    kept.insert(*path);
    Tree tree;
    for (const auto& [path, entry] : package.entries()) {
        if (is_firmware(path) && kept.count(path) == 0) {
            // A folder stays as far as something in it does.
            auto below = kept.lower_bound(path + "/");
            bool used = below != kept.end() && below->starts_with(path + "/");
            if (entry.type != EntryType::directory || !used) continue;
        }
        OSIEKIT_TRY(tree.add(path, entry));
    }
    return tree;
}

MissingFirmware missing_firmware(const Tree& image, const ModuleFirmware& asked,
                                 const std::set<std::string>& readable) {
    MissingFirmware result;
    for (const auto& [module, names] : asked)
        for (const std::string& name : names) {
            std::vector<std::string_view> files = found(image, name);
            bool there = std::any_of(files.begin(), files.end(), [&](std::string_view file) {
                std::string_view plain = uncompressed(file);
                // The module may itself ask for a name that ends so.
                return plain == file || file == name ||
                       readable.count(std::string(file.substr(plain.size()))) != 0;
            });
            if (there) continue;
            result.missing[module].push_back(name);
            if (!files.empty()) result.unreadable.emplace_back(files.front());
        }
    std::sort(result.unreadable.begin(), result.unreadable.end());
    result.unreadable.erase(std::unique(result.unreadable.begin(), result.unreadable.end()),
                            result.unreadable.end());
    return result;
}

Status check_patterns(const Tree& image, const FirmwareSpec& spec) {
    for (const auto& [pattern, where] : spec.patterns)
        if (found(image, pattern).empty())
            return Error(ErrorKind::not_found,
                         where + ": no firmware in the image fits \"" + printable(pattern) + "\"")
                .hint("add the package that brings it, or the file");
    return {};
}

std::vector<std::string> firmware_warnings(const MissingFirmware& missing) {
    auto row = [](std::vector<std::string> names) {
        std::string more;
        if (names.size() > most_named) {
            more = " and " + std::to_string(names.size() - most_named) + " more";
            names.resize(most_named);
        }
        return join(names, ", ") + more;
    };
    std::vector<std::string> warnings;
    std::vector<std::string> names;
    for (const auto& [module, files] : missing.missing)
        for (const std::string& file : files)
            names.push_back(printable(file) + " (" + module + ")");
    if (!names.empty())
        warnings.push_back("modules of the image may ask for firmware that is not in it: " +
                           row(std::move(names)));
    names.clear();
    for (const std::string& file : missing.unreadable) names.push_back(printable(file));
    if (!names.empty())
        warnings.push_back("the kernel does not read firmware that is compressed so: " +
                           row(std::move(names)));
    return warnings;
}

}  // namespace osiekit::builder
