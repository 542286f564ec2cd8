#include "builder/image/image_modules.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "builder/image/compose.hpp"
#include "builder/kernel/module_set.hpp"

namespace osiekit::builder {

namespace {

ModuleReport report_of(const Profile& profile, const ModuleSelection& selection,
                       const ModuleIndex& index) {
    ModuleReport report;
    for (const KernelModule* module : selection.modules) {
        report.included.push_back(module->info.name);
        if (!module->info.firmware.empty())
            report.firmware[module->info.name] = module->info.firmware;
    }
    std::sort(report.included.begin(), report.included.end());
    report.builtin = selection.builtin;
    // Built-in ones need no loading.
    for (const ModuleSpec& module : profile.load)
        if (const KernelModule* found = index.find(module.name))
            report.load.push_back(found->info.name);
    return report;
}

Result<Tree> module_tree(KernelStore& kernels, const LocatedPackage& kernel,
                         const std::string& version, const ModuleIndex& index,
                         const ModuleSelection& selection) {
    std::string origin = "package " + kernel.reference();
    std::string folder = "lib/modules/" + version + "/";
    Tree tree;
    for (const KernelModule* module : selection.modules) {
        OSIEKIT_ASSIGN(FileContent content, kernels.content(kernel, *module));
        OSIEKIT_TRY(tree.add(folder + module->path, Entry::file(std::move(content), origin)));
    }
    OSIEKIT_ASSIGN(ModuleFiles files, module_files(index, selection));
    for (auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
             {"modules.dep", std::move(files.dep)},
             {"modules.alias", std::move(files.alias)},
             {"modules.softdep", std::move(files.softdep)},
             {"modules.order", std::move(files.order)},
             {"modules.builtin", index.builtin_text()}})
        OSIEKIT_TRY(tree.add(folder + name,
                             Entry::file(FileContent::bytes(text), std::string(base_origin))));
    return tree;
}

}  // namespace

nlohmann::json to_json(const ModuleReport& report) {
    return {{"load", report.load},
            {"included", report.included},
            {"builtin", report.builtin},
            {"firmware", report.firmware}};
}

std::optional<ModuleReport> module_report_from(const nlohmann::json& json) {
    try {
        ModuleReport report;
        report.load = json.at("load").get<std::vector<std::string>>();
        report.included = json.at("included").get<std::vector<std::string>>();
        report.builtin = json.at("builtin").get<std::vector<std::string>>();
        report.firmware = json.at("firmware").get<ModuleFirmware>();
        return report;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

std::string modules_key(const Profile& profile, const LocatedPackage& kernel) {
    std::set<std::string> names;
    for (const auto* list : {&profile.load, &profile.include})
        for (const ModuleSpec& module : *list) names.insert(module.name);
    std::string key = "modules 3 " + kernel.reference() + " " + kernel.digest.hex() + " load";
    for (const ModuleSpec& module : profile.load) key += " " + module.name;
    key += " all";
    for (const std::string& name : names) key += " " + name;
    return key;
}

Result<ImageModules> image_modules(const Profile& profile, KernelStore& kernels,
                                   const LocatedPackage& kernel, const std::string& version) {
    OSIEKIT_ASSIGN(ModuleIndex index, kernels.index(kernel));
    std::vector<std::string> names;
    for (const auto* list : {&profile.load, &profile.include})
        for (const ModuleSpec& module : *list) {
            auto known = select_modules(index, {module.name});
            if (!known) return std::move(known).error().context(module.where);
            names.push_back(module.name);
        }
    OSIEKIT_ASSIGN(ModuleSelection selection, select_modules(index, names));
    ImageModules modules;
    modules.report = report_of(profile, selection, index);
    OSIEKIT_ASSIGN(modules.tree, module_tree(kernels, kernel, version, index, selection));
    return modules;
}

}  // namespace osiekit::builder
