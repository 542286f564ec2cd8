#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

// Writes OCI image layouts (image-spec 1.0.2, image-layout.md). Nothing of the machine or the
// moment gets into them: times are zero, owners root, entries in the given order.
namespace osiekit::oci_layout {

enum class EntryKind { file, directory, symlink };

struct Entry {
    EntryKind kind = EntryKind::file;
    std::string path;  // relative, without "." and ".."
    unsigned mode = 0755;
    std::string content;  // of a file; the target of a symlink
};

enum class Compression { none, gzip, zstd };

struct Image {
    std::vector<Entry> entries;  // missing parent directories are added, mode 0755
    std::string architecture;    // "amd64", "arm64": Go's names
    std::vector<std::string> entrypoint;
    std::vector<std::string> command;
    std::vector<std::string> env;  // NAME=value
    std::map<std::string, std::string> labels;
    std::string tag = "latest";  // org.opencontainers.image.ref.name in the index
    Compression compression = Compression::gzip;
};

// A layer as it is stored, with the digest of what is stored and of the tar inside (diff ID).
struct Layer {
    std::string bytes;
    std::string media_type;
    Sha256 digest;
    Sha256 diff_id;
};

// The tar of these entries. Errors: invalid_input for a path that is absolute, empty, climbs or
// repeats.
Result<std::string> make_tar(const std::vector<Entry>& entries);
Result<Layer> make_layer(const std::vector<Entry>& entries, Compression compression);

struct Written {
    Sha256 manifest;
    std::uint64_t layer_bytes = 0;
};

// Writes the layout as folder `out`. A folder that is a layout already is replaced, an empty one
// filled; anything else there is an error of kind invalid_input. On failure `out` is as it was.
Result<Written> write_layout(const std::filesystem::path& out, const Image& image);

}  // namespace osiekit::oci_layout
