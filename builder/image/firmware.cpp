#include "builder/image/firmware.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <optional>

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

bool is_pattern(std::string_view name) {
    return name.find_first_of("*?[") != std::string_view::npos;
}

// All names of files that the kernel would find below the two folders, with their compression:
// also by way of symlinks to folders.
class Names {
  public:
    explicit Names(const Tree& tree) : tree_(tree) {
        for (std::string_view folder : folders) add(std::string(folder), "");
    }
    std::vector<std::string> fitting(const std::string& pattern) const {
        std::vector<std::string> result;
        for (const std::string& name : all_)
            if (fits(pattern, name)) result.push_back(name);
        return result;
    }

  private:
    void add(const std::string& folder, const std::string& prefix) {
        const auto& entries = tree_.entries();
        for (auto it = entries.lower_bound(folder);
             it != entries.end() && it->first.starts_with(folder); ++it) {
            const auto& [path, entry] = *it;
            std::optional<std::string> real = tree_.follow(path);
            const Entry* end = real ? tree_.find(*real) : nullptr;
            if (end == nullptr) continue;
            std::string name = prefix + path.substr(folder.size());
            if (end->type == EntryType::file) all_.push_back(name);
            // Each only once, as they may lead in circles.
            if (end->type == EntryType::directory && entry.type == EntryType::symlink &&
                links_.insert(path).second)
                add(*real + "/", name + "/");
        }
    }

    const Tree& tree_;
    std::vector<std::string> all_;
    std::set<std::string, std::less<>> links_;
};

// What a name without a pattern leads to.
std::vector<std::string> find_plain(const Tree& tree, const std::string& name) {
    std::vector<std::string> result;
    for (std::string_view folder : folders)
        for (std::string_view suffix : {std::string_view(), suffixes[0], suffixes[1]}) {
            std::string whole = name + std::string(suffix);
            const Entry* entry = tree.resolve(std::string(folder) + whole);
            if (entry != nullptr && entry->type == EntryType::file)
                result.push_back(std::move(whole));
        }
    return result;
}

std::vector<std::string> find(const Tree& tree, const Names& names, const std::string& wanted) {
    return is_pattern(wanted) ? names.fitting(wanted) : find_plain(tree, wanted);
}

// The symlinks that a path leads over, and what it leads to.
void keep(const Tree& package, const std::string& path, std::set<std::string, std::less<>>& kept) {
    auto end = package.follow(path, [&](const std::string& link) { kept.insert(link); });
    if (end) kept.insert(*std::move(end));
}

// What a profile wants, and for which the modules ask.
std::set<std::string> wanted_names(const FirmwareSpec& spec, const ModuleFirmware& asked) {
    std::set<std::string> wanted;
    if (spec.mode == Mode::needed)
        for (const auto& [module, names] : asked) wanted.insert(names.begin(), names.end());
    for (const auto& [pattern, where] : spec.patterns) wanted.insert(pattern);
    return wanted;
}

bool wants(const std::set<std::string>& wanted, std::string_view name) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const std::string& one) { return fits(one, name); });
}

}  // namespace

bool is_firmware(std::string_view path) {
    return !name_of(path).empty();
}

bool holds_firmware(const Tree& package) {
    const auto& entries = package.entries();
    return std::any_of(entries.begin(), entries.end(),
                       [](const auto& entry) { return is_firmware(entry.first); });
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
    Names names(package);
    std::set<std::string> wanted = wanted_names(spec, asked);
    std::set<std::string, std::less<>> kept;
    for (const std::string& one : wanted)
        for (const std::string& name : find(package, names, one))
            for (std::string_view folder : folders) keep(package, std::string(folder) + name, kept);
    for (const auto& [path, entry] : package.entries()) {
        if (entry.type != EntryType::symlink || !is_firmware(path)) continue;
        const Entry* real = package.resolve(path);
        // Of a symlink to another package's file only the name is known; one to a folder costs
        // nothing, and may be the way to what another package brings.
        bool stays = real == nullptr ? wants(wanted, name_of(path))
                                     : real->type == EntryType::directory && !wanted.empty();
        if (stays) keep(package, path, kept);
    }
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
    Names known_names(image);
    for (const auto& [module, names] : asked)
        for (const std::string& name : names) {
            std::vector<std::string> files = find(image, known_names, name);
            bool there = std::any_of(files.begin(), files.end(), [&](const std::string& file) {
                std::string_view plain = uncompressed(file);
                // The module may itself ask for a name that ends so.
                return plain == file || file == name ||
                       readable.count(file.substr(plain.size())) != 0;
            });
            if (there) continue;
            result.missing[module].push_back(name);
            if (!files.empty()) result.unreadable.push_back(files.front());
        }
    std::sort(result.unreadable.begin(), result.unreadable.end());
    result.unreadable.erase(std::unique(result.unreadable.begin(), result.unreadable.end()),
                            result.unreadable.end());
    return result;
}

Status check_patterns(const Tree& image, const FirmwareSpec& spec) {
    Names names(image);
    for (const auto& [pattern, where] : spec.patterns)
        if (find(image, names, pattern).empty())
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
