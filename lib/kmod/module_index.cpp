#include "lib/kmod/module_index.hpp"

#include <algorithm>
#include <set>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/kmod/pattern.hpp"

namespace osiekit::kmod {
namespace {

Error malformed(std::string_view file, std::size_t line, std::string_view what) {
    return {ErrorKind::invalid_input,
            std::string(file) + ":" + std::to_string(line) + ": " + std::string(what)};
}

// Calls visit(line number, text) for each line that is neither empty nor a comment, up to the first
// failure.
template <typename Visit>
Status each_line(std::string_view text, Visit visit) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.front() == '#') continue;
        OSIEKIT_TRY(visit(number, line));
    }
    return {};
}

bool safe_path(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find('\0') != std::string_view::npos)
        return false;
    std::vector<std::string_view> parts = split(path, '/');
    return std::find(parts.begin(), parts.end(), "..") == parts.end();
}

Result<std::string> read_optional(const std::filesystem::path& path) {
    Result<std::string> text = read_file(path);
    if (!text && text.error().kind() == ErrorKind::not_found) return std::string();
    return text;
}

}  // namespace

std::string normalised(std::string_view name) {
    std::string result(name);
    std::replace(result.begin(), result.end(), '-', '_');
    return result;
}

std::string name_of_path(std::string_view path) {
    std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
    return normalised(path.substr(0, path.find(".ko")));
}

Result<ModuleIndex> ModuleIndex::load(const std::filesystem::path& folder) {
    IndexTexts texts;
    Result<std::string> dep = read_file(folder / "modules.dep");
    if (!dep)
        return std::move(dep).error().hint(
            "the kernel's modules and depmod's text files belong in " + folder.string());
    texts.dep = std::move(*dep);
    OSIEKIT_ASSIGN(texts.alias, read_optional(folder / "modules.alias"));
    OSIEKIT_ASSIGN(texts.softdep, read_optional(folder / "modules.softdep"));
    OSIEKIT_ASSIGN(texts.builtin, read_optional(folder / "modules.builtin"));
    return parse(std::move(texts)).context("reading the module index in " + folder.string());
}

Result<ModuleIndex> ModuleIndex::parse(IndexTexts texts) {
    ModuleIndex index;
    index.texts_ = std::make_unique<IndexTexts>(std::move(texts));
    OSIEKIT_TRY(index.parse_dep());
    OSIEKIT_TRY(index.parse_alias());
    OSIEKIT_TRY(index.parse_softdep());
    index.parse_builtin();
    return index;
}

Status ModuleIndex::parse_dep() {
    return each_line(texts_->dep, [this](std::size_t number, std::string_view line) -> Status {
        std::size_t colon = line.find(':');
        if (colon == std::string_view::npos)
            return malformed("modules.dep", number, "no ':' behind the module's path");
        std::string_view path = trim(line.substr(0, colon));
        if (!safe_path(path))
            return malformed("modules.dep", number,
                             "not a path below the module folder: '" + printable(path) + "'");
        Module module;
        module.name = name_of_path(path);
        module.path = path;
        for (std::string_view dependency : split_words(line.substr(colon + 1)))
            module.dependencies.push_back(name_of_path(dependency));
        modules_.insert_or_assign(module.name, std::move(module));
        return {};
    });
}

Status ModuleIndex::parse_alias() {
    std::set<std::size_t> lengths;
    Status status =
        each_line(texts_->alias, [&](std::size_t number, std::string_view line) -> Status {
            // A pattern may contain blanks (DMI strings do), a module name may not.
            std::size_t first = line.find(' ');
            std::size_t last = line.rfind(' ');
            if (line.substr(0, first) != "alias" || first == last)
                return malformed("modules.alias", number, "expected 'alias PATTERN MODULE'");
            Alias alias{trim(line.substr(first, last - first)), line.substr(last + 1), number};
            std::string_view prefix = literal_prefix(alias.pattern);
            aliases_[prefix].push_back(alias);
            lengths.insert(prefix.size());
            return {};
        });
    prefix_lengths_.assign(lengths.begin(), lengths.end());
    return status;
}

Status ModuleIndex::parse_softdep() {
    return each_line(texts_->softdep, [this](std::size_t number, std::string_view line) -> Status {
        std::vector<std::string_view> words = split_words(line);
        if (words.size() < 2 || words[0] != "softdep")
            return malformed("modules.softdep", number, "expected 'softdep MODULE pre: … post: …'");
        auto it = modules_.find(normalised(words[1]));
        if (it == modules_.end()) return {};
        std::vector<std::string>* list = nullptr;
        for (std::size_t i = 2; i < words.size(); ++i) {
            if (words[i] == "pre:")
                list = &it->second.load_before;
            else if (words[i] == "post:")
                list = &it->second.load_after;
            else if (list != nullptr)
                list->emplace_back(words[i]);
        }
        return {};
    });
}

void ModuleIndex::parse_builtin() {
    (void)each_line(texts_->builtin, [this](std::size_t, std::string_view line) -> Status {
        builtin_.insert(name_of_path(line));
        return {};
    });
}

const Module* ModuleIndex::find(std::string_view name) const {
    auto it = modules_.find(normalised(name));
    return it == modules_.end() ? nullptr : &it->second;
}

bool ModuleIndex::is_builtin(std::string_view name) const {
    return builtin_.count(normalised(name)) != 0;
}

std::vector<const Module*> ModuleIndex::resolve(std::string_view alias_or_name) const {
    if (const Module* module = find(alias_or_name)) return {module};
    std::vector<const Alias*> hits;
    for (std::size_t length : prefix_lengths_) {
        if (length > alias_or_name.size()) break;
        auto bucket = aliases_.find(alias_or_name.substr(0, length));
        if (bucket == aliases_.end()) continue;
        for (const Alias& alias : bucket->second)
            if (matches(alias.pattern, alias_or_name)) hits.push_back(&alias);
    }
    std::sort(hits.begin(), hits.end(),
              [](const Alias* a, const Alias* b) { return a->line < b->line; });
    std::vector<const Module*> modules;
    for (const Alias* alias : hits) {
        const Module* module = find(alias->module);
        if (module != nullptr && std::find(modules.begin(), modules.end(), module) == modules.end())
            modules.push_back(module);
    }
    return modules;
}

void ModuleIndex::collect(const Module& module, std::unordered_set<std::string_view>& seen,
                          std::vector<const Module*>& order) const {
    if (!seen.insert(module.name).second) return;  // done, or a circle
    for (const std::string& name : module.load_before)
        for (const Module* before : resolve(name)) collect(*before, seen, order);
    for (const std::string& name : module.dependencies)
        if (const Module* dependency = find(name)) collect(*dependency, seen, order);
    order.push_back(&module);
    for (const std::string& name : module.load_after)
        for (const Module* after : resolve(name)) collect(*after, seen, order);
}

std::vector<const Module*> ModuleIndex::load_order(const Module& module) const {
    std::unordered_set<std::string_view> seen;
    std::vector<const Module*> order;
    collect(module, seen, order);
    return order;
}

std::vector<std::string> ModuleIndex::names() const {
    std::vector<std::string> names;
    names.reserve(modules_.size());
    for (const auto& [name, module] : modules_) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace osiekit::kmod
