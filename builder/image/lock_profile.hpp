#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "builder/image/find_packages.hpp"
#include "builder/image/local_files.hpp"
#include "builder/lock/lock.hpp"
#include "builder/lock/lock_diff.hpp"
#include "builder/packages/source.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// "site.yaml" -> "site.lock" beside it.
std::filesystem::path default_lock_file(const std::filesystem::path& profile);

// A local file's name in a lock.
std::string locked_name(const std::filesystem::path& file, const std::filesystem::path& folder);

// All that a lock says beside the packages. Reads local files and programs as far as they were not
// read before; asks no repository.
Result<LockInputs> lock_inputs(const Profile& profile, const std::filesystem::path& programs,
                               std::uint32_t mtime, const LocalFiles& local);

// The packages as a lock has them; those that the profile names by path stand among the files.
// Errors: invalid_input (a digest that is not known).
Result<std::vector<LockedPackage>> lock_packages(const FoundPackages& found);

Result<Lock> read_lock(const std::filesystem::path& file);

// In what the lock and the profile of now disagree, for people, each with its place in the profile
// where it has one; empty: in nothing.
std::vector<std::string> disagreements(const Profile& profile, const LockInputs& lock,
                                       const LockInputs& now);

// Gives what a lock names and nothing else: indexes are never read. `repositories` fetch it, and
// read the packages that the profile names by path. Errors: those of reading the lock;
// invalid_input if it disagrees with the profile.
Result<std::shared_ptr<PackageSource>> locked_packages(const Profile& profile,
                                                       const std::filesystem::path& lock,
                                                       const std::filesystem::path& programs,
                                                       std::uint32_t mtime, const LocalFiles& local,
                                                       std::shared_ptr<PackageSource> repositories);

}  // namespace osiekit::builder
