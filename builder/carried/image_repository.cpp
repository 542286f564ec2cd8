#include "builder/carried/image_repository.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "builder/carried/carried_image.hpp"

namespace osiekit::builder {

Result<std::unique_ptr<ImageRepository>> ImageRepository::open(Options options) {
    OSIEKIT_ASSIGN(BlobCache blobs, BlobCache::open(options.cache));
    return std::unique_ptr<ImageRepository>(
        new ImageRepository(std::move(options), std::move(blobs)));
}

Result<oci::ImageSource*> ImageRepository::origin_of(const std::string& name) {
    auto local = options_.layouts.find(name);
    if (local != options_.layouts.end()) {
        auto& opened = layouts_[local->first];
        if (!opened) {
            OSIEKIT_ASSIGN(auto layout,
                           oci::LayoutSource::open(local->second, oci::LayoutNames::any));
            opened = std::make_unique<oci::LayoutSource>(std::move(layout));
        }
        return opened.get();
    }
    if (options_.offline)
        return Error(ErrorKind::not_found, "not all of it is in the cache")
            .hint(
                "what a tag means is always asked: use a lock or a digest, and build once without "
                "--offline; or name a layout that has it: \"source\"");
    if (!registry_) {
        OSIEKIT_ASSIGN(registry_, open_registry());
    }
    return registry_.get();
}

Result<std::unique_ptr<oci::RegistryClient>> ImageRepository::open_registry() const {
    oci::RegistryOptions options;
    options.insecure = options_.insecure;
    options.cancelled = options_.cancelled;
    options.log = options_.warning;
    if (!options_.credentials.empty()) {
        OSIEKIT_ASSIGN(options.credentials,
                       oci::Credentials::read_docker_config(options_.credentials));
    }
    return std::make_unique<oci::RegistryClient>(std::move(options));
}

// `kept`: the digest that a lock has of it, or empty.
Result<LocatedPackage> ImageRepository::locate(const std::string& name, const std::string& kept) {
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(name));
    oci::Reference wanted = reference;
    if (auto digest = oci::ContentDigest::parse(kept)) wanted.digest = *digest;
    auto platform = platform_for(options_.architecture);
    CachedImages source = source_of(name);
    auto image = source.resolve(wanted, platform);
    // A registry may have forgotten what it had when the lock was made.
    if (!image && wanted != reference && image.error().kind() == ErrorKind::not_found)
        image = source.resolve(reference, platform);
    if (!image) return std::move(image).error();
    OSIEKIT_ASSIGN(auto parts, parts_of(*image));
    LocatedPackage package;
    package.system = PackageSystem::oci;
    package.name = name;
    package.version = image->named_digest.oci();
    package.architecture = options_.architecture;
    package.location = reference.registry + "/" + reference.repository;
    OSIEKIT_ASSIGN(package.digest, cached_name(image->named_digest));
    package.size = size_of(parts);
    OSIEKIT_ASSIGN(auto whole, find_image(blobs_, package));
    if (whole) package.file = whole->files.front();
    return package;
}

Result<std::vector<LocatedPackage>> ImageRepository::resolve(const PackageQuery& query) {
    std::vector<LocatedPackage> packages;
    std::set<std::string> seen;
    for (const PackageRequest& request : query.packages) {
        if (!seen.insert(request.name).second) continue;
        auto kept = query.prefer.find(request.name);
        auto package = locate(request.name, kept == query.prefer.end() ? "" : kept->second)
                           .context((request.where.empty() ? "" : request.where + ": ") +
                                    "the image " + request.name);
        if (!package) return std::move(package).error();
        packages.push_back(*std::move(package));
    }
    std::sort(packages.begin(), packages.end(),
              [](const LocatedPackage& a, const LocatedPackage& b) { return a.name < b.name; });
    return packages;
}

Status ImageRepository::fetch_one(LocatedPackage& package, const FetchWatch& watch,
                                  Progress& progress) {
    // A lock names its image by the digest, and nothing else of it.
    OSIEKIT_ASSIGN(auto reference, pinned(package));
    CachedImages source = source_of(package.name);
    OSIEKIT_ASSIGN(auto image, source.resolve(reference, platform_for(options_.architecture)));
    OSIEKIT_ASSIGN(auto parts, parts_of(image));
    oci::BlobSink sink;
    sink.cancelled = [&] {
        return (options_.cancelled && options_.cancelled()) ||
               (watch.cancelled && watch.cancelled());
    };
    for (const oci::Descriptor& part : parts) {
        std::uint64_t before = progress.bytes_done;
        sink.on_data = [&](std::string_view piece) -> Status {
            progress.bytes_done += piece.size();
            if (options_.progress) options_.progress(progress);
            return {};
        };
        auto file = source.bring(reference, part, sink);
        if (!file) return std::move(file).error();
        progress.bytes_done = before + part.size;
        if (package.file.empty()) package.file = *file;
    }
    ++progress.files_done;
    if (options_.progress) options_.progress(progress);
    return {};
}

Result<std::vector<LocatedPackage>> ImageRepository::fetch(std::vector<LocatedPackage> packages,
                                                           const FetchWatch& watch) {
    Progress progress;
    progress.files_total = packages.size();
    for (const LocatedPackage& package : packages) progress.bytes_total += package.size;
    for (LocatedPackage& package : packages) {
        progress.current = package.name;
        OSIEKIT_TRY(fetch_one(package, watch, progress).context("the image " + package.name));
        OSIEKIT_TRY(watch.tell(package));
    }
    return packages;
}

}  // namespace osiekit::builder
