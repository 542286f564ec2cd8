#include "init/module_request.hpp"

#include <sys/utsname.h>

#include "lib/kmod/load_module.hpp"
#include "lib/kmod/module_index.hpp"

namespace osiekit::init {

Status answer_module_request(const std::string& alias_or_name) {
    utsname names{};
    ::uname(&names);
    std::string folder = "/lib/modules/" + std::string(names.release);
    OSIEKIT_ASSIGN(kmod::ModuleIndex index, kmod::ModuleIndex::load(folder));
    for (const kmod::Module* wanted : index.resolve(alias_or_name))
        for (const kmod::Module* module : index.load_order(*wanted))
            OSIEKIT_TRY(kmod::load_module(folder + "/" + module->path, ""));
    return {};
}

}  // namespace osiekit::init
