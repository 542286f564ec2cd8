#pragma once

#include "builder/debian/deb.hpp"
#include "builder/packages/package.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The files of a fetched package of any system, one by one: what read_deb() or read_apk() gives. A
// package that is named by path is Alpine's if it is called *.apk. Errors: theirs.
Status read_package(const LocatedPackage& package, const PackageSink& sink,
                    const PackageFilter& filter = {});

// Whether the package has Alpine's format.
bool is_apk(const LocatedPackage& package);

}  // namespace osiekit::builder
