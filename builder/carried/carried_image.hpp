#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/cache/blob_cache.hpp"
#include "builder/packages/package.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"

namespace osiekit::builder {

// All parts of an image that a machine carries, in bytes: they are in its memory.
constexpr std::uint64_t largest_carried = 2ULL << 30U;

// What the machine needs of an image, none twice: the document that its name stands for, those on
// the way to its manifest, the configuration, the layers. Errors: limit (largest_carried).
Result<std::vector<oci::Descriptor>> parts_of(const oci::ResolvedImage& image);
std::uint64_t size_of(const std::vector<oci::Descriptor>& parts);

// The platform of the profile's architecture ("amd64").
oci::Platform platform_for(const std::string& architecture);

// An image all of whose parts are in the cache.
struct CarriedImage {
    std::string name;                          // as its package: in full, with tag or digest
    std::vector<oci::Descriptor> parts;        // as parts_of() gives them
    std::vector<std::filesystem::path> files;  // of the parts
};

// The package's name, by its digest.
Result<oci::Reference> pinned(const LocatedPackage& package);

// The image that the package stands for; nullopt: a part is not in the cache.
Result<std::optional<CarriedImage>> find_image(BlobCache& blobs, const LocatedPackage& package);

}  // namespace osiekit::builder
