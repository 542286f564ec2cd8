#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/content_digest.hpp"

// The documents of an OCI image (image-spec 1.1: descriptor, index, manifest, config) and their
// Docker schema 2 twins, as values. All parsers take foreign bytes, return a result and never
// throw.
namespace osiekit::oci {

inline constexpr std::string_view media_type_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view media_type_manifest =
    "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view media_type_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view media_type_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view media_type_docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view media_type_docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";

inline constexpr std::uint64_t max_document_bytes = 4U << 20U;  // index, manifest or config
inline constexpr std::size_t max_layers = 500;
inline constexpr std::size_t max_index_entries = 1000;
inline constexpr std::size_t max_annotations = 100;  // of one descriptor

// Names as in Go: linux, amd64, arm64.
struct Platform {
    std::string os = "linux";
    std::string architecture;
    std::string variant;
    std::string to_string() const;
    // The one that this program runs on.
    static Platform host();
};

struct Descriptor {
    std::string media_type;
    ContentDigest digest;
    std::uint64_t size = 0;
    std::optional<Platform> platform;
    std::map<std::string, std::string> annotations;  // those that are text
};

// `media_type` is what the document calls itself; where it does not, OCI's for its kind.
struct Index {
    std::vector<Descriptor> manifests;
    std::string media_type = {};
};

struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers;  // lowest first
    std::string media_type = {};
};

// What of the image's configuration decides how it is run. Absent and null fields are empty.
struct ImageConfig {
    Platform platform;
    std::string user;
    std::vector<std::string> env;
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::string working_dir;
    std::string stop_signal;
    std::vector<ContentDigest> diff_ids;
};

using Document = std::variant<Index, Manifest>;

// A manifest or an index, told apart by its media type; `content_type` is what the registry said
// (parameters are ignored, empty: unknown) and must agree with the document's own (CVE-2021-41190).
Result<Document> parse_document(std::string_view bytes, std::string_view content_type);
Result<ImageConfig> parse_config(std::string_view bytes);

// The first entry that fits; arm64 and arm64/v8 are the same. The error (kind unsupported) names
// what the image offers.
Result<Descriptor> choose_platform(const Index& index, const Platform& wanted);
bool fits(const Platform& offered, const Platform& wanted);

}  // namespace osiekit::oci
