#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/kernel/modinfo.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A module of a kernel package.
struct KernelModule {
    std::string path;  // below lib/modules/VERSION, uncompressed: "kernel/fs/fat/vfat.ko"
    ModuleInfo info;   // with a name
};

// All modules of one kernel, to choose from.
class ModuleIndex {
  public:
    // `builtin` and `order` are the texts of modules.builtin and modules.order (may be empty).
    ModuleIndex(std::vector<KernelModule> modules, std::string builtin, std::string order);

    const std::vector<KernelModule>& modules() const { return modules_; }
    const std::string& builtin_text() const { return builtin_text_; }

    // Null if there is no such module. Both spellings, "-" and "_", are understood.
    const KernelModule* find(std::string_view name) const;
    bool is_builtin(std::string_view name) const;
    // The modules that an alias ("crypto-crc32c") names by one of their alias patterns.
    std::vector<const KernelModule*> find_alias(std::string_view alias) const;
    // The name that was probably meant, "" if none is near.
    std::string suggestion(std::string_view name) const;
    // Position in modules.order; modules that are not in it come last.
    std::size_t rank(const KernelModule& module) const;

  private:
    std::vector<KernelModule> modules_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
    std::map<std::string, std::size_t, std::less<>> order_;  // path to position
    std::vector<std::string> builtin_;                       // names, sorted
    std::string builtin_text_;
};

struct ModuleSelection {
    std::vector<const KernelModule*> modules;  // in the order of modules.order
    std::vector<std::string> builtin;          // requested, but part of the kernel; sorted
};

// The requested modules with everything they depend on (depends) and what should be loaded with
// them (softdep; of those only what this kernel has). Errors: not_found for a request that is
// neither a module nor built in, with a hint; invalid_input for a dependency that the package
// lacks.
Result<ModuleSelection> select_modules(const ModuleIndex& index,
                                       const std::vector<std::string>& requested);

// The text files that kmod's depmod makes, for the selected modules only (modules.dep(5),
// modprobe.d(5)).
struct ModuleFiles {
    std::string dep;      // modules.dep: all dependencies of a module, the last to be loaded first
    std::string alias;    // modules.alias
    std::string softdep;  // modules.softdep
    std::string order;    // modules.order
};
Result<ModuleFiles> module_files(const ModuleIndex& index, const ModuleSelection& selection);

}  // namespace osiekit::builder
