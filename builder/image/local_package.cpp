#include "builder/image/local_package.hpp"

#include "builder/debian/deb.hpp"

namespace osiekit::builder {

Result<LocatedPackage> local_package(const std::filesystem::path& file) {
    OSIEKIT_ASSIGN(auto control, read_deb_control(file));
    LocatedPackage package;
    package.system = PackageSystem::file;
    package.location = file.string();
    package.name = control["package"];
    package.version = control["version"];
    package.architecture = control["architecture"];
    if (package.name.empty())
        return Error(ErrorKind::invalid_input, file.string() + " has no field Package");
    OSIEKIT_ASSIGN(package.digest, Sha256::of_file(file));
    std::error_code error;
    package.size = std::filesystem::file_size(file, error);
    package.file = file;
    return package;
}

}  // namespace osiekit::builder
