#include "init/module_request.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/file.hpp"
#include "lib/kmod/load_module.hpp"
#include "lib/kmod/module_index.hpp"

namespace osiekit::init {

Status answer_module_request(const std::string& alias_or_name) {
    utsname names{};
    ::uname(&names);
    std::string folder = "/lib/modules/" + std::string(names.release);
    OSIEKIT_ASSIGN(kmod::ModuleIndex index, kmod::ModuleIndex::load(folder));
    for (const kmod::Module* wanted : index.resolve(alias_or_name)) {
        std::string before;
        for (const kmod::Module* module : index.load_order(*wanted)) {
            Status status = kmod::load_module(folder + "/" + module->path, "");
            if (status) continue;
            // An optional one before it may well refuse (a feature that this processor has not).
            if (module == wanted)
                return before.empty() ? std::move(status) : std::move(status).context(before);
            before = status.error().to_string();
        }
    }
    return {};
}

void report_to_kernel_log(const std::string& text) {
    constexpr unsigned kmsg_major = 1;
    constexpr unsigned kmsg_minor = 11;
    std::string device = "/.kmsg." + std::to_string(::getpid());
    if (::mknod(device.c_str(), S_IFCHR | 0600, ::makedev(kmsg_major, kmsg_minor)) != 0) return;
    Result<Fd> log = open_file(device, O_WRONLY);
    ::unlink(device.c_str());
    if (log) (void)write_all(log->get(), "<4>osie-init: " + text + "\n");
}

}  // namespace osiekit::init
