#include "images/writefile/settings.hpp"

namespace osiekit::images::writefile {
namespace {

constexpr std::uint64_t largest_id = 0xfffffffe;  // the one above means "nobody in particular"

}  // namespace

Result<Settings> read_settings(const Environment& environment) {
    Settings settings;
    OSIEKIT_ASSIGN(settings.disk, environment.absolute_path("DEST_DISK"));
    OSIEKIT_ASSIGN(settings.type, environment.required("FS_TYPE"));
    OSIEKIT_ASSIGN(settings.file.path, environment.absolute_path("DEST_PATH"));
    if (settings.file.path.back() == '/')
        return Error(ErrorKind::invalid_input,
                     "DEST_PATH is '" + settings.file.path + "', which names no file");
    settings.file.contents = environment.optional("CONTENTS");
    OSIEKIT_ASSIGN(std::uint64_t uid, environment.number("UID", std::nullopt, largest_id));
    OSIEKIT_ASSIGN(std::uint64_t gid, environment.number("GID", std::nullopt, largest_id));
    settings.file.uid = static_cast<uid_t>(uid);
    settings.file.gid = static_cast<gid_t>(gid);
    OSIEKIT_ASSIGN(settings.file.mode, environment.mode("MODE"));
    OSIEKIT_ASSIGN(settings.file.directory_mode, environment.mode("DIRMODE"));
    return settings;
}

}  // namespace osiekit::images::writefile
