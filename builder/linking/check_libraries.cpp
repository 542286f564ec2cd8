#include "builder/linking/check_libraries.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <set>

#include "builder/linking/library_cache.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t most_told = 20;
constexpr std::string_view cache_path = "etc/ld.so.cache";

class Checker {
  public:
    Checker(const Tree& image, const LinkFacts& facts, std::uint16_t machine,
            const OptionalPrograms& optional)
        : image_(image), facts_(facts), machine_(machine), optional_(optional) {
        object_ = [this](const std::string& path) -> const ElfDynamic* {
            auto real = image_.follow(path);
            auto found = real ? facts_.objects.find(*real) : facts_.objects.end();
            return found == facts_.objects.end() ? nullptr : &found->second;
        };
    }

    LibraryReport run() {
        for (const auto& [path, elf] : facts_.objects)
            if (elf.machine == machine_ && is_program(path, elf)) check_program(path, elf);
        // Without a program nobody loads anything.
        if (!rules_.empty()) check_plugins();
        write_cache();
        return std::move(report_);
    }

  private:
    bool is_program(const std::string& path, const ElfDynamic& elf) const {
        const Entry* entry = image_.find(path);
        return !elf.interpreter.empty() && entry != nullptr && (entry->mode & 0111U) != 0;
    }

    const LoaderRules& rules(const std::string& interpreter) {
        auto [place, added] = rules_.try_emplace(interpreter);
        if (!added) return place->second;
        auto text = [this](const std::string& path) -> std::string {
            auto real = image_.follow(path);
            auto found = real ? facts_.texts.find(*real) : facts_.texts.end();
            return found == facts_.texts.end() ? std::string() : found->second;
        };
        auto pattern = [this](const std::string& wanted) {
            std::vector<std::string> paths;
            for (const auto& [path, content] : facts_.texts)
                if (std::string name = "/" + path;
                    ::fnmatch(wanted.c_str(), name.c_str(), FNM_PATHNAME) == 0)
                    paths.push_back(std::move(name));
            return paths;
        };
        place->second = loader_rules(interpreter, machine_, text, pattern);
        return place->second;
    }

    void check_program(const std::string& path, const ElfDynamic& elf) {
        LoadResult result = load_program("/" + path, elf, rules(elf.interpreter), object_);
        for (const LoadedObject& one : result.loaded)
            if (auto real = image_.follow(one.path)) loaded_.insert(*real);
        if (result.missing.empty()) return;
        (is_optional(path) ? report_.warnings : report_.broken)
            .push_back(description(path, result.missing));
    }

    // Libraries that programs may open by name. Their own names may be there already when that
    // happens, so that only what the image has nowhere counts.
    void check_plugins() {
        std::set<std::string, std::less<>> known;
        for (const auto& [path, elf] : facts_.objects) {
            known.insert(elf.name);
            known.insert(path.substr(path.rfind('/') + 1));
        }
        bool musl = std::all_of(rules_.begin(), rules_.end(),
                                [](const auto& one) { return one.second.musl; });
        auto own = std::find_if(rules_.begin(), rules_.end(),
                                [&](const auto& one) { return one.second.musl == musl; });
        for (const auto& [path, elf] : facts_.objects) {
            if (elf.machine != machine_ || loaded_.count(path) != 0 || is_program(path, elf))
                continue;
            std::string absolute = "/" + path;
            LoadResult result = load_program(absolute, elf, own->second, object_);
            std::erase_if(result.missing, [&](const MissingObject& missing) {
                return missing.needed_by != absolute || known.count(missing.name) != 0;
            });
            if (!result.missing.empty())
                report_.warnings.push_back(description(path, result.missing));
        }
    }

    bool is_optional(const std::string& path) const {
        return std::any_of(optional_.begin(), optional_.end(), [&](const std::string& pattern) {
            return ::fnmatch(pattern.c_str(), ("/" + path).c_str(), 0) == 0;
        });
    }

    std::string description(const std::string& path, const std::vector<MissingObject>& missing) {
        const Entry* entry = image_.find(path);
        std::string text = "/" + printable(path) + " (" + entry->origin + ") lacks ";
        for (const MissingObject& one : missing) {
            if (&one != &missing.front()) text += ", and ";
            text += one.name;
            if (one.needed_by != "/" + path) text += ", which " + one.needed_by + " needs";
            if (!one.searched.empty()) text += " (looked for in " + join(one.searched, ", ") + ")";
        }
        return text;
    }

    // A loader knows the folders of ld.so.conf only from its cache.
    void write_cache() {
        auto glibc = std::find_if(rules_.begin(), rules_.end(),
                                  [](const auto& one) { return !one.second.musl; });
        if (glibc == rules_.end() || image_.find(cache_path) != nullptr) return;
        const LoaderRules& rules = glibc->second;
        std::vector<CachedLibrary> libraries;
        bool needed = false;
        std::set<std::string> seen;  // one folder under two names
        for (const auto* list : {&rules.configured, &rules.folders})
            for (const std::string& folder : *list) {
                auto real = image_.follow(folder);
                if (!real || !seen.insert(*real).second) continue;
                bool any = add_folder(folder, *real, libraries);
                needed = needed || (any && !searched_anyway(rules, *real));
            }
        if (needed) report_.cache = library_cache(libraries, machine_);
    }

    bool searched_anyway(const LoaderRules& rules, const std::string& real) const {
        return std::any_of(rules.folders.begin(), rules.folders.end(),
                           [&](const std::string& folder) {
                               auto other = image_.follow(folder);
                               return other && *other == real;
                           });
    }

    // The libraries of one folder; false if it has none.
    bool add_folder(const std::string& folder, const std::string& real,
                    std::vector<CachedLibrary>& libraries) const {
        std::size_t before = libraries.size();
        std::string begin = real + "/";
        const Tree::Entries& entries = image_.entries();
        for (auto it = entries.lower_bound(begin);
             it != entries.end() && it->first.starts_with(begin); ++it) {
            std::string name = it->first.substr(begin.size());
            bool library = name.find('/') == std::string::npos &&
                           (name.starts_with("lib") || name.starts_with("ld-")) &&
                           name.find(".so") != std::string::npos;
            const ElfDynamic* elf = library ? object_("/" + it->first) : nullptr;
            if (elf == nullptr || elf->machine != machine_) continue;
            if (!elf->name.empty() && object_("/" + begin + elf->name) == elf) name = elf->name;
            libraries.push_back({elf->name.empty() ? name : elf->name, folder + "/" + name});
        }
        return libraries.size() > before;
    }

    const Tree& image_;
    const LinkFacts& facts_;
    std::uint16_t machine_;
    const OptionalPrograms& optional_;
    ObjectLookup object_;
    std::map<std::string, LoaderRules> rules_;  // by interpreter
    std::set<std::string> loaded_;              // paths of all that programs load
    LibraryReport report_;
};

}  // namespace

LibraryReport check_libraries(const Tree& image, const LinkFacts& facts, std::uint16_t machine,
                              const OptionalPrograms& optional) {
    return Checker(image, facts, machine, optional).run();
}

Status refuse_broken(const LibraryReport& report) {
    if (report.broken.empty()) return {};
    std::vector<std::string> told = report.broken;
    if (told.size() > most_told) {
        told.resize(most_told);
        told.push_back("and " + std::to_string(report.broken.size() - most_told) + " more");
    }
    return Error(ErrorKind::invalid_input,
                 "programs of the image could not start:\n  " + join(told, "\n  "))
        .hint(
            "add the packages that bring the libraries; of a file of this machine take them "
            "along with libraries: host; or name a program that nobody starts under "
            "libraries.optional");
}

}  // namespace osiekit::builder
