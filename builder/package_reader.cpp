#include "builder/package_reader.hpp"

#include "builder/alpine/apk.hpp"

namespace osiekit::builder {

bool is_apk(const LocatedPackage& package) {
    return package.system == PackageSystem::alpine ||
           (package.system == PackageSystem::file && package.location.ends_with(".apk"));
}

Status read_package(const LocatedPackage& package, const PackageSink& sink,
                    const PackageFilter& filter) {
    return is_apk(package) ? alpine::read_apk(package.file, sink, filter)
                           : read_deb(package.file, sink, filter);
}

}  // namespace osiekit::builder
