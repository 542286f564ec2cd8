#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

struct InspectedEntry {
    std::string path;
    std::uint32_t mode = 0;  // with the file type
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t links = 0;
    std::uint32_t mtime = 0;
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::uint64_t size = 0;
    std::string target;  // of a symlink
};

struct InspectedSegment {
    std::string compression;     // "zstd" or "none"
    std::uint64_t offset = 0;    // in the image
    std::uint64_t size = 0;      // in the image, without the padding behind it
    std::uint64_t unpacked = 0;  // of the cpio archive
    std::uint64_t window = 0;    // of a zstd frame
    std::vector<InspectedEntry> entries;
};

struct Inspection {
    std::vector<InspectedSegment> segments;
    std::uint64_t size = 0;
    std::uint64_t unpacked = 0;
    bool complete = false;  // the last entry is the sentinel, see compose.hpp
};

// More unpacked bytes than any machine would give an initramfs.
constexpr std::uint64_t largest_unpacked = 4ULL << 30U;

// Takes an initramfs apart as the kernel does (init/initramfs.c): segments one after another, NULs
// between them, an uncompressed archive only at a multiple of four bytes. Errors: invalid_input or
// unsupported with the offset where the kernel would stop as well (other compressions than zstd are
// recognised, but not read); limit when all of it unpacks to more than `limit` bytes.
Result<Inspection> inspect_initramfs(std::string_view image,
                                     std::uint64_t limit = largest_unpacked);

}  // namespace osiekit::builder
