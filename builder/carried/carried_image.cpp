#include "builder/carried/carried_image.hpp"

#include <algorithm>
#include <utility>

#include "builder/carried/cached_images.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

Result<std::vector<oci::Descriptor>> parts_of(const oci::ResolvedImage& image) {
    std::vector<oci::Descriptor> all = image.documents;
    all.push_back(image.manifest.config);
    all.insert(all.end(), image.manifest.layers.begin(), image.manifest.layers.end());
    std::vector<oci::Descriptor> parts;
    std::uint64_t left = largest_carried;
    for (oci::Descriptor& part : all) {
        auto same = [&](const oci::Descriptor& other) { return other.digest == part.digest; };
        if (std::any_of(parts.begin(), parts.end(), same)) continue;
        if (part.size > left)
            return Error(ErrorKind::limit, "the image is larger than the " +
                                               human_size(largest_carried) +
                                               " that a machine can carry of one");
        left -= part.size;
        parts.push_back(std::move(part));
    }
    return parts;
}

std::uint64_t size_of(const std::vector<oci::Descriptor>& parts) {
    std::uint64_t size = 0;
    for (const oci::Descriptor& part : parts) size += part.size;
    return size;
}

oci::Platform platform_for(const std::string& architecture) {
    oci::Platform platform;
    platform.architecture = architecture;
    return platform;
}

Result<oci::Reference> pinned(const LocatedPackage& package) {
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(package.name));
    OSIEKIT_ASSIGN(reference.digest, oci::ContentDigest::parse("sha256:" + package.digest.hex()));
    return reference;
}

Result<std::optional<CarriedImage>> find_image(BlobCache& blobs, const LocatedPackage& package) {
    std::optional<CarriedImage> none;
    OSIEKIT_ASSIGN(auto reference, pinned(package));
    CachedImages cached(blobs, []() -> Result<oci::ImageSource*> {
        return Error(ErrorKind::not_found, "it is not in the cache");
    });
    auto image = cached.resolve(reference, platform_for(package.architecture));
    if (!image && image.error().kind() == ErrorKind::not_found) return none;
    if (!image) return std::move(image).error().context("the image " + package.name);
    CarriedImage found;
    found.name = package.name;
    OSIEKIT_ASSIGN(found.parts, parts_of(*image));
    for (const oci::Descriptor& part : found.parts) {
        auto file = cached.bring(reference, part, {});
        if (!file && file.error().kind() == ErrorKind::not_found) return none;
        if (!file) return std::move(file).error().context("the image " + package.name);
        found.files.push_back(*std::move(file));
    }
    return std::optional(std::move(found));
}

}  // namespace osiekit::builder
