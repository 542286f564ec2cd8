#include "init/system/sysctl.hpp"

#include <fcntl.h>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {

namespace {

Status write_setting(const std::filesystem::path& root, const std::string& name,
                     const std::string& value) {
    OSIEKIT_ASSIGN(std::filesystem::path path, sysctl_path(root, name));
    OSIEKIT_ASSIGN(Fd file, open_file(path, O_WRONLY));
    return write_all(file.get(), value + "\n");
}

}  // namespace

Result<std::filesystem::path> sysctl_path(const std::filesystem::path& root,
                                          const std::string& name) {
    std::filesystem::path path = root;
    bool good = name.find('/') == std::string::npos;
    for (std::string_view part : split(name, '.')) {
        good = good && !part.empty();
        path /= part;
    }
    if (!good)
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(name) + "\" is not the name of a kernel setting");
    return path;
}

std::vector<std::string> apply_sysctl(const std::map<std::string, std::string>& settings,
                                      const std::filesystem::path& root) {
    std::vector<std::string> failures;
    for (const auto& [name, value] : settings)
        if (Status status = write_setting(root, name, value); !status)
            failures.push_back("kernel setting " + printable(name) + " = " + printable(value) +
                               ": " + status.error().to_string());
    return failures;
}

}  // namespace osiekit::init
