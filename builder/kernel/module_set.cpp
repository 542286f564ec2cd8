#include "builder/kernel/module_set.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <limits>
#include <set>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

std::string with_underscores(std::string_view text) {
    return module_name(text);
}

// Collects the closure of requested modules.
class Closure {
  public:
    explicit Closure(const ModuleIndex& index) : index_(index) {}

    Status add(const KernelModule* start) {
        std::vector<const KernelModule*> todo = {start};
        while (!todo.empty()) {
            const KernelModule* module = todo.back();
            todo.pop_back();
            if (!chosen_.insert(module).second) continue;
            for (const std::string& name : module->info.depends) {
                const KernelModule* needed = index_.find(name);
                if (needed != nullptr)
                    todo.push_back(needed);
                else if (!index_.is_builtin(name))
                    return Error(ErrorKind::invalid_input, "the module " + module->info.name +
                                                               " depends on " + printable(name) +
                                                               ", which the kernel package lacks");
            }
            for (const std::string& value : module->info.softdeps)
                for (const std::string& name : softdep_names(value)) add_soft(name, todo);
        }
        return {};
    }

    std::vector<const KernelModule*> in_order() const {
        std::vector<const KernelModule*> list(chosen_.begin(), chosen_.end());
        std::sort(list.begin(), list.end(), [&](const KernelModule* a, const KernelModule* b) {
            return std::pair(index_.rank(*a), std::string_view(a->path)) <
                   std::pair(index_.rank(*b), std::string_view(b->path));
        });
        return list;
    }

  private:
    // Soft dependencies may name modules, aliases or things that this kernel does not have.
    void add_soft(const std::string& name, std::vector<const KernelModule*>& todo) const {
        if (const KernelModule* module = index_.find(name)) {
            todo.push_back(module);
            return;
        }
        if (index_.is_builtin(name)) return;
        for (const KernelModule* module : index_.find_alias(name)) todo.push_back(module);
    }

    const ModuleIndex& index_;
    std::set<const KernelModule*> chosen_;
};

// Appends what `module` needs, so that each stands before what needs it.
Status append_needed_first(const ModuleIndex& index, const KernelModule& module,
                           std::set<const KernelModule*>& done,
                           std::set<const KernelModule*>& above,
                           std::vector<const KernelModule*>& out) {
    if (!above.insert(&module).second)
        return Error(ErrorKind::invalid_input,
                     "the kernel modules depend on each other in a circle, at " + module.info.name);
    for (const std::string& name : module.info.depends) {
        const KernelModule* needed = index.find(name);
        if (needed == nullptr || done.contains(needed)) continue;
        OSIEKIT_TRY(append_needed_first(index, *needed, done, above, out));
        done.insert(needed);
        out.push_back(needed);
    }
    above.erase(&module);
    return {};
}

}  // namespace

ModuleIndex::ModuleIndex(std::vector<KernelModule> modules, std::string builtin, std::string order)
    : modules_(std::move(modules)), builtin_text_(std::move(builtin)) {
    std::sort(modules_.begin(), modules_.end(),
              [](const KernelModule& a, const KernelModule& b) { return a.path < b.path; });
    for (std::size_t i = 0; i < modules_.size(); ++i) by_name_.emplace(modules_[i].info.name, i);
    std::size_t position = 0;
    for (std::string_view line : split(order, '\n'))
        if (!trim(line).empty()) order_.emplace(trim(line), position++);
    for (std::string_view line : split(builtin_text_, '\n')) {
        std::string name = module_name_of_path(trim(line));
        if (!name.empty()) builtin_.push_back(std::move(name));
    }
    std::sort(builtin_.begin(), builtin_.end());
}

const KernelModule* ModuleIndex::find(std::string_view name) const {
    auto found = by_name_.find(with_underscores(name));
    return found == by_name_.end() ? nullptr : &modules_[found->second];
}

bool ModuleIndex::is_builtin(std::string_view name) const {
    return std::binary_search(builtin_.begin(), builtin_.end(), with_underscores(name));
}

std::vector<const KernelModule*> ModuleIndex::find_alias(std::string_view alias) const {
    std::vector<const KernelModule*> found;
    std::string wanted = with_underscores(alias);
    for (const KernelModule& module : modules_)
        for (const std::string& pattern : module.info.aliases)
            if (::fnmatch(with_underscores(pattern).c_str(), wanted.c_str(), 0) == 0) {
                found.push_back(&module);
                break;
            }
    return found;
}

std::string ModuleIndex::suggestion(std::string_view name) const {
    std::vector<std::string> names = builtin_;
    for (const KernelModule& module : modules_) names.push_back(module.info.name);
    return nearest(with_underscores(name), names).value_or("");
}

std::size_t ModuleIndex::rank(const KernelModule& module) const {
    auto found = order_.find(module.path);
    return found == order_.end() ? std::numeric_limits<std::size_t>::max() : found->second;
}

Result<ModuleSelection> select_modules(const ModuleIndex& index,
                                       const std::vector<std::string>& requested) {
    ModuleSelection selection;
    Closure closure(index);
    std::set<std::string> builtin;
    for (const std::string& name : requested) {
        if (const KernelModule* module = index.find(name)) {
            OSIEKIT_TRY(closure.add(module));
        } else if (index.is_builtin(name)) {
            builtin.insert(with_underscores(name));
        } else {
            Error error(ErrorKind::not_found, "this kernel has no module \"" + name + "\"");
            std::string near = index.suggestion(name);
            if (near.empty()) return error;
            return std::move(error).hint("did you mean \"" + near + "\"?");
        }
    }
    selection.modules = closure.in_order();
    selection.builtin.assign(builtin.begin(), builtin.end());
    return selection;
}

Result<ModuleFiles> module_files(const ModuleIndex& index, const ModuleSelection& selection) {
    ModuleFiles files;
    files.alias = "# Aliases extracted from modules themselves.\n";
    files.softdep = "# Soft dependencies extracted from modules themselves.\n";
    for (const KernelModule* module : selection.modules) {
        std::set<const KernelModule*> done;
        std::set<const KernelModule*> above;
        std::vector<const KernelModule*> needed;
        OSIEKIT_TRY(append_needed_first(index, *module, done, above, needed));
        files.dep += module->path + ":";
        for (auto i = needed.rbegin(); i != needed.rend(); ++i) files.dep += " " + (*i)->path;
        files.dep += "\n";
        for (const std::string& alias : module->info.aliases)
            if (split_words(alias).size() == 1)  // a blank would make it another line
                files.alias += "alias " + alias + " " + module->info.name + "\n";
        for (const std::string& value : module->info.softdeps)
            files.softdep += "softdep " + module->info.name + " " + value + "\n";
        files.order += module->path + "\n";
    }
    return files;
}

}  // namespace osiekit::builder
