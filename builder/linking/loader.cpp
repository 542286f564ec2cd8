#include "builder/linking/loader.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "builder/kernel/elf.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t most_folders = 256;  // of one configuration
constexpr int deepest_include = 8;

std::string folder_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

// The lines of ld.so.conf(5): folders, comments, "include PATTERN"; "hwcap" is history.
class Configuration {
  public:
    Configuration(const TextLookup& text, const PatternLookup& pattern)
        : text_(text), pattern_(pattern) {}

    void read(const std::string& file, int depth) {
        if (depth > deepest_include) return;
        std::string text = text_(file);
        for (std::string_view line : split(text, '\n')) {
            line = trim(line.substr(0, line.find('#')));
            auto words = split_words(line);
            if (words.empty() || words.front() == "hwcap") continue;
            if (words.front() == "include") {
                for (std::size_t i = 1; i < words.size(); ++i) include(file, words[i], depth);
            } else if (line.starts_with('/')) {
                add(std::string(line));
            }
        }
    }
    std::vector<std::string> folders() && { return std::move(folders_); }

  private:
    void include(const std::string& file, std::string_view word, int depth) {
        std::string pattern(word);
        if (!pattern.starts_with('/')) pattern = folder_of(file) + "/" + pattern;
        for (const std::string& name : pattern_(pattern)) read(name, depth + 1);
    }
    void add(std::string folder) {
        while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
        bool there = std::find(folders_.begin(), folders_.end(), folder) != folders_.end();
        if (!there && folders_.size() < most_folders) folders_.push_back(std::move(folder));
    }

    const TextLookup& text_;
    const PatternLookup& pattern_;
    std::vector<std::string> folders_;
};

LoaderRules musl_rules(std::string_view interpreter, const TextLookup& text) {
    LoaderRules rules;
    rules.musl = true;
    // ld-musl-x86_64.so.1 reads /etc/ld-musl-x86_64.path.
    std::string_view name = file_name(interpreter);
    std::string own = text("/etc/" + std::string(name.substr(0, name.find(".so"))) + ".path");
    std::replace(own.begin(), own.end(), '\n', ':');
    for (std::string_view folder : split(own, ':'))
        if (!folder.empty() && rules.folders.size() < most_folders)
            rules.folders.emplace_back(folder);
    if (rules.folders.empty()) rules.folders = {"/lib", "/usr/local/lib", "/usr/lib"};
    return rules;
}

// Goes through a program's libraries in the order in which a loader takes them: breadth first.
class Search {
  public:
    Search(const LoaderRules& rules, const ObjectLookup& object) : rules_(rules), object_(object) {}

    LoadResult run(const std::string& path, const ElfDynamic& program) {
        take({path, false, 0}, program, false);
        if (!program.interpreter.empty()) {
            const ElfDynamic* loader = object_(program.interpreter);
            if (loader == nullptr)
                result_.missing.push_back({program.interpreter, path, {}});
            else
                take({program.interpreter, false, 0}, *loader, true);
        }
        for (std::size_t at = 0; at < objects_.size(); ++at) {
            if (objects_[at].is_loader) continue;
            for (const std::string& name : objects_[at].elf->needed) need(at, name);
        }
        return std::move(result_);
    }

  private:
    struct Object {
        const ElfDynamic* elf;
        bool is_loader;
    };

    void take(LoadedObject loaded, const ElfDynamic& elf, bool is_loader) {
        names_.insert(std::string(file_name(loaded.path)));
        if (!elf.name.empty()) names_.insert(elf.name);
        result_.loaded.push_back(std::move(loaded));
        objects_.push_back({&elf, is_loader});
    }

    void need(std::size_t by, const std::string& name) {
        if (objects_.size() >= most_loaded || !names_.insert(name).second) return;
        // musl's C library is all of these itself.
        if (rules_.musl && reserved(name)) return;
        std::vector<std::string> searched;
        if (find(by, name, searched)) return;
        result_.missing.push_back({name, result_.loaded[by].path, std::move(searched)});
    }

    static bool reserved(std::string_view name) {
        constexpr std::array<std::string_view, 7> own = {
            "libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."};
        return std::any_of(own.begin(), own.end(),
                           [&](std::string_view begin) { return name.starts_with(begin); });
    }

    bool find(std::size_t by, const std::string& name, std::vector<std::string>& searched) {
        if (name.find('/') != std::string::npos)
            return take_if_there({name.starts_with('/') ? name : "/" + name, false, by});
        for (const auto& [folder, owner] : folders_for(by)) {
            std::string text = filled(folder, owner);
            bool by_origin = text != folder && folder.find("ORIGIN") != std::string::npos;
            if (std::find(searched.begin(), searched.end(), text) != searched.end()) continue;
            searched.push_back(text);
            if (take_if_there({text + (text == "/" ? "" : "/") + name, by_origin, by})) return true;
        }
        return false;
    }

    bool take_if_there(LoadedObject loaded) {
        const ElfDynamic* found = object_(loaded.path);
        // A loader passes over libraries of other machines.
        if (found == nullptr || found->machine != objects_.front().elf->machine) return false;
        take(std::move(loaded), *found, false);
        return true;
    }

    // Each with the object whose $ORIGIN it is.
    std::vector<std::pair<std::string, std::size_t>> folders_for(std::size_t by) const {
        std::vector<std::pair<std::string, std::size_t>> folders;
        auto add = [&](const std::string& row, std::size_t owner) {
            if (row.empty()) return;
            for (std::string_view folder : split(row, ':'))
                if (!folder.empty()) folders.emplace_back(folder, owner);
        };
        const ElfDynamic& elf = *objects_[by].elf;
        if (rules_.musl) {
            // Both kinds count, and those of all that led here.
            for (std::size_t at = by;; at = result_.loaded[at].needed_by) {
                const ElfDynamic& one = *objects_[at].elf;
                add(one.runpath.empty() ? one.rpath : one.runpath, at);
                if (at == 0) break;
            }
        } else if (elf.runpath.empty()) {
            for (std::size_t at = by;; at = result_.loaded[at].needed_by) {
                const ElfDynamic& one = *objects_[at].elf;
                if (one.runpath.empty()) add(one.rpath, at);
                if (at == 0) break;
            }
        } else {
            add(elf.runpath, by);
        }
        if (elf.no_default_folders && !rules_.musl) return folders;
        for (const auto* list : {&rules_.configured, &rules_.folders})
            for (const std::string& folder : *list) folders.emplace_back(folder, by);
        return folders;
    }

    // With $ORIGIN, $LIB and $PLATFORM, also in braces.
    std::string filled(const std::string& folder, std::size_t owner) const {
        std::string text = folder;
        const std::array<std::pair<std::string_view, std::string>, 3> words = {
            {{"ORIGIN", folder_of(result_.loaded[owner].path)},
             {"LIB", rules_.library_word},
             {"PLATFORM", rules_.platform_word}}};
        for (const auto& [word, value] : words) {
            if (rules_.musl && word != "ORIGIN") continue;
            for (const std::string& name :
                 {"${" + std::string(word) + "}", "$" + std::string(word)})
                for (std::size_t at = text.find(name); at != std::string::npos;
                     at = text.find(name, at + value.size()))
                    text.replace(at, name.size(), value);
        }
        while (text.size() > 1 && text.ends_with('/')) text.pop_back();
        return text;
    }

    const LoaderRules& rules_;
    const ObjectLookup& object_;
    LoadResult result_;
    std::vector<Object> objects_;  // as result_.loaded
    std::set<std::string> names_;  // of what is loaded or was looked for
};

}  // namespace

std::string multiarch_folder(std::uint16_t machine) {
    if (machine == elf_machine_x86_64) return "x86_64-linux-gnu";
    if (machine == elf_machine_aarch64) return "aarch64-linux-gnu";
    return "";
}

bool is_musl_loader(std::string_view interpreter) {
    return file_name(interpreter).starts_with("ld-musl-");
}

LoaderRules loader_rules(std::string_view interpreter, std::uint16_t machine,
                         const TextLookup& text, const PatternLookup& pattern) {
    if (is_musl_loader(interpreter)) return musl_rules(interpreter, text);
    LoaderRules rules;
    std::string folder = multiarch_folder(machine);
    for (const char* top : {"/lib", "/usr/lib"})
        if (!folder.empty()) rules.folders.push_back(top + ("/" + folder));
    for (const char* top : {"/lib", "/usr/lib"}) rules.folders.emplace_back(top);
    rules.library_word = folder.empty() ? "lib" : "lib/" + folder;
    rules.platform_word = machine == elf_machine_aarch64 ? "aarch64" : "x86_64";
    Configuration configuration(text, pattern);
    configuration.read("/etc/ld.so.conf", 0);
    rules.configured = std::move(configuration).folders();
    return rules;
}

LoadResult load_program(const std::string& path, const ElfDynamic& program,
                        const LoaderRules& rules, const ObjectLookup& object) {
    return Search(rules, object).run(path, program);
}

}  // namespace osiekit::builder
