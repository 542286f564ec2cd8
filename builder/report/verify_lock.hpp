#pragma once

#include <string>
#include <vector>

#include "builder/lock/lock.hpp"
#include "builder/report/image_files.hpp"
#include "builder/report/verify.hpp"

namespace osiekit::builder {

// Holds an image whose files are those of its manifest against a lock: each package with the lock's
// version and digest, each local file, program, key of the profile and variable with its digest,
// the settings; programs and copied files by their bytes in the image. The manifest is believed
// about every other file: those of packages, modules and trees, and what the profile itself writes;
// for these, build from the lock and compare. Findings name the lock `name` where it has something
// that the image has not.
std::vector<Finding> verify_lock(const KnownImage& image, const Lock& lock,
                                 const std::string& name);

}  // namespace osiekit::builder
