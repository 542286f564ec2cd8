#include "builder/image/repositories.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "builder/cache/blob_cache.hpp"
#include "builder/image/local_package.hpp"
#include "builder/tree.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

// Packages that are named by path. What is built comes from a copy in the cache: whoever writes to
// the file meanwhile harms nobody.
class PackageFiles final : public PackageSource {
  public:
    explicit PackageFiles(std::filesystem::path cache) : cache_(std::move(cache)) {}

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
        if (!blobs_) {
            OSIEKIT_ASSIGN(blobs_, BlobCache::open(cache_));
        }
        for (LocatedPackage& package : packages) {
            OSIEKIT_ASSIGN(auto kept, blobs_->find(package.digest));
            if (!kept) {
                OSIEKIT_ASSIGN(kept, copy(package));
            }
            package.file = *std::move(kept);
            OSIEKIT_TRY(watch.tell(package));
        }
        return packages;
    }

  private:
    Result<std::filesystem::path> copy(const LocatedPackage& package) {
        OSIEKIT_ASSIGN(FileContent content, FileContent::file(package.location));
        OSIEKIT_ASSIGN(PendingFile file, PendingFile::create(cache_ / "package"));
        OSIEKIT_TRY(content.read([&](std::string_view piece) {
            return write_all(file.fd(), piece).context("copying " + package.location);
        }));
        OSIEKIT_ASSIGN(Sha256 digest, content.digest());
        if (digest != package.digest)
            return Error(ErrorKind::digest, "the package file " + package.location +
                                                " has the SHA-256 " + digest.hex() + ", and " +
                                                package.digest.hex() + " was expected");
        return blobs_->adopt(file.temporary(), digest, {"package", package.to_string()});
    }

    std::filesystem::path cache_;
    std::optional<BlobCache> blobs_;
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
                // How long silence is borne is a matter of this machine's network; a proxy of apt
                // may know Debian's mirrors only.
                options_.alpine.stall_timeout = host_apt_settings().timeout;
                OSIEKIT_ASSIGN(alpine_, AlpineRepository::open(options_.alpine));
            }
            return alpine_.get();
        case PackageSystem::oci:
            if (!images_) {
                OSIEKIT_ASSIGN(images_, ImageRepository::open(options_.images));
            }
            return images_.get();
        case PackageSystem::file:
            break;
    }
    if (!files_) files_ = std::make_unique<PackageFiles>(options_.cache);
    return files_.get();
}

template <typename Value>
Result<Value> Repositories::noted(PackageSource* source, Result<Value> result) {
    if (!result) failed_ = source;
    return result;
}

Result<std::vector<LocatedPackage>> Repositories::resolve(const PackageQuery& query) {
    OSIEKIT_ASSIGN(PackageSource * source, of(query.system));
    return noted(source, source->resolve(query));
}

bool Repositories::refresh() {
    // What a registry or a layout lacks no mirror brings.
    if (failed_ != nullptr && failed_ == images_.get()) return false;
    bool any = false;
    for (PackageSource* source : {debian_.get(), alpine_.get()})
        if (source != nullptr && source->refresh()) any = true;
    return any;
}

Result<std::vector<LocatedPackage>> Repositories::fetch(std::vector<LocatedPackage> packages,
                                                        const FetchWatch& watch) {
    std::vector<LocatedPackage> fetched;
    for (PackageSystem system :
         {PackageSystem::debian, PackageSystem::alpine, PackageSystem::file, PackageSystem::oci}) {
        std::vector<LocatedPackage> some;
        for (const LocatedPackage& package : packages)
            if (package.system == system) some.push_back(package);
        if (some.empty()) continue;
        OSIEKIT_ASSIGN(PackageSource * source, of(system));
        OSIEKIT_ASSIGN(auto done, noted(source, source->fetch(std::move(some), watch)));
        std::move(done.begin(), done.end(), std::back_inserter(fetched));
    }
    std::stable_sort(fetched.begin(), fetched.end(),
                     [](const LocatedPackage& a, const LocatedPackage& b) {
                         return std::tie(a.name, a.version) < std::tie(b.name, b.version);
                     });
    return fetched;
}

}  // namespace osiekit::builder
