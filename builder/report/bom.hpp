#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "builder/report/image_files.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// One supplier of files of an image: a package, a program, a profile's file, or the builder. The
// views of two SBOM formats on the same facts.
struct BomComponent {
    // image: one that the machine carries.
    enum class Kind { package, image, program, profile, builder };
    Kind kind = Kind::package;
    std::string name;
    std::string version;  // may be empty
    std::string purl;
    std::string license;  // an SPDX expression; empty: not known
    std::string digest;   // SHA-256 in hexadecimal of the package, program or profile; may be empty
    std::string source_name;  // of the source package; empty: not known
    std::string source_version;
    std::string source_purl;
    bool kernel = false;                  // vmlinuz comes from it
    std::vector<const ImageFile*> files;  // by path
};

struct Bom {
    const KnownImage* image = nullptr;
    std::vector<BomComponent> components;  // packages, programs, profiles, the builder
    std::string created;                   // "1970-01-01T00:00:00Z"
    std::string uuid;                      // of the image's manifest
};

// Every file of the image is in exactly one component. `created` is the time in seconds since 1970
// that the document carries. `image` must outlive the result.
Bom bill_of_materials(const KnownImage& image, std::uint64_t created);

// SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/) and CycloneDX 1.5
// (https://cyclonedx.org/docs/1.5/json/) as JSON. The same image and time give the same text.
nlohmann::ordered_json spdx_json(const Bom& bom);
nlohmann::ordered_json cyclonedx_json(const Bom& bom);

// Package URLs (https://github.com/package-url/purl-spec).
std::string package_purl(const ManifestPackage& package);
// Of the source package; empty where it is not known.
std::string source_purl(const ManifestPackage& package);
std::string generic_purl(std::string_view name, std::string_view version, std::string_view sha256);
// Everything but letters, digits and ".-_~:" as %XX.
std::string purl_encoded(std::string_view text);

// "2023-11-14T22:13:20Z"
std::string utc_time(std::uint64_t seconds);

}  // namespace osiekit::builder
