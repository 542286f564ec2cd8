#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/file_source.hpp"
#include "builder/image/output_names.hpp"
#include "builder/packages/package.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a manifest.json says (docs/manifest.md), checked. It lies beside the image and may be
// anybody's.

struct ManifestSegment {
    std::string name;
    Sha256 digest;
    std::uint64_t size = 0;
    Sha256 content_digest;
    std::uint64_t unpacked = 0;
    std::uint64_t entries = 0;
    FileSource source;  // of all entries but those named in `others`
    std::map<std::string, FileSource, std::less<>> others;

    const FileSource& source_of(std::string_view path) const;
};

struct ManifestPackage {
    std::string system = "debian";  // "debian", "alpine", "file"
    std::string name;
    std::string version;
    std::string architecture;
    std::string license;  // an SPDX expression; empty: not known
    std::string source;   // package; empty: not known
    std::string source_version;
    std::string suite;
    std::string location;  // below the mirror
    Sha256 digest;
    std::uint64_t size = 0;

    // As the sources of files call it: package_reference.
    std::string reference() const { return package_reference(system, name); }
};

struct ManifestKernel {
    std::string version;
    std::string package;
    std::string system;  // of the package; empty: of an older builder, which did not say
    std::string cmdline;
    Sha256 digest;
    std::uint64_t size = 0;
};

// What a lock can be held against.
struct ManifestInputs {
    std::map<std::string, Sha256> keys;         // of the profile
    std::map<std::string, Sha256> files;        // by name, relative to the profile's folder
    std::map<std::string, Sha256> programs;     // by name
    std::map<std::string, std::string> copies;  // path in the image to a name in `files`
};

struct Manifest {
    std::string name;
    std::string architecture;
    std::string version;  // of osiekit
    nlohmann::json compression;
    ManifestKernel kernel;
    std::vector<ManifestSegment> segments;
    Sha256 initramfs;
    std::uint64_t initramfs_size = 0;
    std::vector<ManifestPackage> packages;
    std::map<std::string, Sha256> profile_files;
    std::vector<std::string> profile_order;  // of their names: the profile first
    std::map<std::string, Sha256> variables;
    std::optional<ManifestInputs> inputs;  // absent in manifests of earlier versions
    std::uint64_t mtime = 0;
    Sha256 digest;  // of the manifest itself
};

// Errors: invalid_input with the place ("segments[3].digest: …"), unsupported (another format),
// limit.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace osiekit::builder
