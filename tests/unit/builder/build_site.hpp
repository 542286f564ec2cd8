#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "builder/image/build.hpp"
#include "builder/image/inspect.hpp"
#include "builder/packages/source.hpp"
#include "tests/unit/builder/support.hpp"

namespace osiekit::builder::test {

// Gives the packages of a map, by name.
class TestSource final : public PackageSource {
  public:
    using Files = std::map<std::string, std::filesystem::path>;
    explicit TestSource(const Files& files) : files_(files) {}

    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override;
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override;
    std::vector<PackageQuery> queries;

  private:
    const Files& files_;
};

// A folder with everything that a build needs: packages, programs, a profile.
struct BuildSite {
    TempDir folder;
    std::map<std::string, std::filesystem::path> packages;
    BuildOptions options;

    BuildSite();
    static std::string text(const std::string& more);
    // Of a profile with a name, an architecture, a kernel and the rest that is given.
    Result<BuiltImage> build(const std::string& more);
    // Why that fails; nothing may be written then.
    std::string failure(const std::string& more);
    Inspection inspect() const;
};

// A profile's keys that use all that a BuildSite has.
extern const std::string full_profile;

// The entry that counts for the kernel; null: there is none.
const InspectedEntry* find(const Inspection& inspection, const std::string& path);

}  // namespace osiekit::builder::test
