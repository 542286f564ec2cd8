#include "builder/image/repositories.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "builder/image/local_package.hpp"

namespace osiekit::builder {

namespace {

// Packages that are named by path.
class PackageFiles final : public PackageSource {
  public:
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        std::vector<LocatedPackage> packages;
        for (const auto* list : {&query.packages, &query.no_deps}) {
            for (const PackageRequest& request : *list) {
                OSIEKIT_ASSIGN(LocatedPackage package, local_package(request.name));
                packages.push_back(std::move(package));
            }
        }
        return packages;
    }

    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        for (LocatedPackage& package : packages) {
            OSIEKIT_ASSIGN(LocatedPackage found, local_package(package.location));
            if (found.digest != package.digest)
                return Error(ErrorKind::digest, "the package file " + package.location +
                                                    " has the SHA-256 " + found.digest.hex() +
                                                    ", and " + package.digest.hex() +
                                                    " was expected");
            package.file = found.file;
            OSIEKIT_TRY(watch.tell(package));
        }
        return packages;
    }
};

}  // namespace

Result<PackageSource*> Repositories::of(PackageSystem system) {
    switch (system) {
        case PackageSystem::debian:
            if (!debian_) {
                OSIEKIT_ASSIGN(auto opened, DebianRepository::open(options_.debian));
                for (const std::string& text : opened->warnings())
                    if (options_.warning) options_.warning(text);
                debian_ = std::move(opened);
            }
            return debian_.get();
        case PackageSystem::alpine:
            if (!alpine_) {
                OSIEKIT_ASSIGN(alpine_, AlpineRepository::open(options_.alpine));
            }
            return alpine_.get();
        case PackageSystem::file:
            break;
    }
    if (!files_) files_ = std::make_unique<PackageFiles>();
    return files_.get();
}

Result<std::vector<LocatedPackage>> Repositories::resolve(const PackageQuery& query) {
    OSIEKIT_ASSIGN(PackageSource * source, of(query.system));
    return source->resolve(query);
}

Result<std::vector<LocatedPackage>> Repositories::obtain(const PackageQuery& query,
                                                         const FetchWatch& watch) {
    OSIEKIT_ASSIGN(PackageSource * source, of(query.system));
    return source->obtain(query, watch);
}

Result<std::vector<LocatedPackage>> Repositories::fetch(std::vector<LocatedPackage> packages,
                                                        const FetchWatch& watch) {
    std::vector<LocatedPackage> fetched;
    for (PackageSystem system :
         {PackageSystem::debian, PackageSystem::alpine, PackageSystem::file}) {
        std::vector<LocatedPackage> some;
        for (const LocatedPackage& package : packages)
            if (package.system == system) some.push_back(package);
        if (some.empty()) continue;
        OSIEKIT_ASSIGN(PackageSource * source, of(system));
        OSIEKIT_ASSIGN(auto done, source->fetch(std::move(some), watch));
        std::move(done.begin(), done.end(), std::back_inserter(fetched));
    }
    std::stable_sort(fetched.begin(), fetched.end(),
                     [](const LocatedPackage& a, const LocatedPackage& b) {
                         return std::tie(a.name, a.version) < std::tie(b.name, b.version);
                     });
    return fetched;
}

}  // namespace osiekit::builder
