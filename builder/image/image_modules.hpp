#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "builder/image/firmware.hpp"
#include "builder/kernel/kernel_store.hpp"
#include "builder/packages/package.hpp"
#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The modules of an image.
struct ModuleReport {
    std::vector<std::string> load;      // always loaded by init
    std::vector<std::string> included;  // all in the image
    std::vector<std::string> builtin;   // requested, but part of the kernel
    ModuleFirmware firmware;            // that the modules may ask for
    ModuleFirmware missing_firmware;    // of that, what is not in the image; not kept
};
nlohmann::json to_json(const ModuleReport& report);
// nullopt: it is not what to_json() gave.
std::optional<ModuleReport> module_report_from(const nlohmann::json& json);

// Everything that the modules of an image follow from, as a text.
std::string modules_key(const Profile& profile, const LocatedPackage& kernel);

struct ImageModules {
    Tree tree;  // the modules and the files that say how they depend on each other
    ModuleReport report;
};
// The modules that a profile asks for with all that they need, from a kernel package. Errors: those
// of select_modules() with the place in the profile, and of KernelStore.
Result<ImageModules> image_modules(const Profile& profile, KernelStore& kernels,
                                   const LocatedPackage& kernel, const std::string& version);

}  // namespace osiekit::builder
