#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "builder/image/contents.hpp"

namespace osiekit::builder {

// Where the bytes of an image go: a file, a folder, a segment or the whole.
struct SizeNode {
    std::string name;                // of a folder with a single folder in it: "usr/lib"
    std::uint64_t packed = 0;        // bytes of the image file
    std::uint64_t unpacked = 0;      // bytes of file content
    std::uint64_t files = 0;         // entries that are no directories
    std::vector<SizeNode> children;  // largest first, by packed bytes
};

// The names of an image's segments, as its manifest has them: "modules", "package busybox". Empty
// where there is no manifest, or where it is one of another image.
std::vector<std::string> segment_names(const Contents& contents);

// The image as segment, folders, files. A segment's compressed bytes are shared out among its
// entries by what each takes of the cpio archive, so that they add up to the size of the file;
// padding between segments belongs to the one before. What later segments replace is counted as
// well: it is loaded all the same. `vmlinuz` is the size of the kernel beside it; 0: none.
SizeNode size_tree(const Contents& contents, std::uint64_t vmlinuz);

// The same tree with children below `depth` levels left out, and below each node those with less
// than `least` of the whole (0.005: half a per cent) put together as one, "N more".
SizeNode pruned(const SizeNode& tree, std::size_t depth, double least);

nlohmann::ordered_json size_json(const SizeNode& tree);

}  // namespace osiekit::builder
