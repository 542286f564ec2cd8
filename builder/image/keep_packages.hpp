#pragma once

#include <memory>
#include <string>
#include <vector>

#include "builder/image/find_packages.hpp"
#include "builder/lock/lock.hpp"
#include "builder/packages/source.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Gives the packages that a lock has as long as they serve and the repositories have them, and of
// others the best. `move` names packages of the lock that go to the newest version that can be had,
// with whatever that needs moved too; nothing else moves. Errors: invalid_input (`move` names a
// package that the lock does not have), and those of `repositories`.
Result<std::unique_ptr<PackageSource>> keep_packages(const Profile& profile,
                                                     std::vector<LockedPackage> kept,
                                                     std::vector<std::string> move,
                                                     std::shared_ptr<PackageSource> repositories);

}  // namespace osiekit::builder
