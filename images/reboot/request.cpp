#include "images/reboot/request.hpp"

#include <cstdio>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::images::reboot {

Status leave_request(const Environment& environment, const std::filesystem::path& folder) {
    std::string action = environment.optional("ACTION", "reboot");
    if (action != "reboot" && action != "poweroff")
        return Error(ErrorKind::invalid_input,
                     "ACTION is '" + printable(action) + "', which is neither reboot nor poweroff");
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored))
        return Error(ErrorKind::not_found, "the folder " + folder.string() + " is missing")
            .hint("the action needs the volume " + folder.string() + ":" + folder.string());
    OSIEKIT_TRY(write_file(folder / action, "").context("requesting " + action));
    std::printf("requested: %s\n", action.c_str());
    return {};
}

}  // namespace osiekit::images::reboot
