#pragma once

#include <memory>

#include "builder/alpine/repository.hpp"
#include "builder/carried/image_repository.hpp"
#include "builder/debian/repository.hpp"
#include "builder/packages/source.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The real repositories behind one source, each opened when it is first asked; packages that are
// named by path are copied into the cache.
class Repositories final : public PackageSource {
  public:
    struct Options {
        DebianRepository::Options debian;
        AlpineRepository::Options alpine;
        ImageRepository::Options images;
        std::filesystem::path cache;
        std::function<void(std::string_view)> warning;  // an oddity worth telling the user
    };
    explicit Repositories(Options options) : options_(std::move(options)) {}

    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override;
    // The packages may be of several systems.
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch = {}) override;
    bool refresh() override;

  private:
    Result<PackageSource*> of(PackageSystem system);
    template <typename Value>
    Result<Value> noted(PackageSource* source, Result<Value> result);

    Options options_;
    std::unique_ptr<PackageSource> debian_;
    std::unique_ptr<PackageSource> alpine_;
    std::unique_ptr<PackageSource> images_;
    std::unique_ptr<PackageSource> files_;
    PackageSource* failed_ = nullptr;  // the last one that did
};

}  // namespace osiekit::builder
