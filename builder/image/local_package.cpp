#include "builder/image/local_package.hpp"

#include "builder/debian/deb.hpp"

namespace osiekit::builder {

Result<LocatedPackage> local_package(const std::filesystem::path& file) {
    // In this order: whoever takes the bytes of this digest has those that the control file was in.
    LocatedPackage package;
    OSIEKIT_ASSIGN(package.digest, Sha256::of_file(file));
    OSIEKIT_ASSIGN(auto control, read_deb_control(file));
    package.system = PackageSystem::file;
    package.location = file.string();
    package.name = control["package"];
    package.version = control["version"];
    package.architecture = control["architecture"];
    if (package.name.empty())
        return Error(ErrorKind::invalid_input, file.string() + " has no field Package");
    std::error_code error;
    package.size = std::filesystem::file_size(file, error);
    package.file = file;
    return package;
}

}  // namespace osiekit::builder
