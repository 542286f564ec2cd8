#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/compression.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

struct InspectedEntry {
    std::string path;        // as the archive writes it; may be hostile
    std::uint32_t mode = 0;  // with the file type
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t links = 0;
    std::uint32_t mtime = 0;
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::uint64_t size = 0;  // of a hard link: of the file that all its names share
    std::string target;      // of a symlink
    std::string link_to;     // of a hard link's later names: the first one
    Sha256 digest;           // of a regular file's content
    bool ignored = false;    // the kernel passes over it: content where there must be none
};

struct InspectedSegment {
    CompressionMethod compression = CompressionMethod::none;
    std::uint64_t offset = 0;    // in the image
    std::uint64_t size = 0;      // in the image, without the padding behind it
    std::uint64_t unpacked = 0;  // of the cpio archive
    std::uint64_t window = 0;    // of a zstd frame
    Sha256 content_digest;       // of what it unpacks to
    bool ended = false;          // the end mark TRAILER!!! is there
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
// More entries and segments than any image has; each costs memory here.
constexpr std::size_t most_entries = 2'000'000;
constexpr std::size_t most_segments = 10'000;

struct InspectOptions {
    std::uint64_t unpacked = largest_unpacked;
    std::size_t entries = most_entries;
    std::size_t segments = most_segments;
    // Where the image starts in a larger file, for what errors say.
    std::uint64_t base = 0;
    // Gets the offset in the image of the segment that could not be read.
    std::uint64_t* failed_at = nullptr;
    // Gets each entry as the archive has it (a hard link without its shared size and digest), with
    // the number of its segment and of itself in it, and its content. An error ends the inspection.
    std::function<Status(std::size_t segment, std::size_t number, const InspectedEntry& entry,
                         std::string_view content)>
        visit;
};

// Takes an initramfs apart as the kernel does (init/initramfs.c): segments one after another, NULs
// between them, an uncompressed archive only at a multiple of four bytes and what follows it as
// well; several archives in one compressed segment. Errors: invalid_input or unsupported with the
// offset where the kernel would stop as well; limit.
Result<Inspection> inspect_initramfs(std::string_view image, const InspectOptions& options);
Result<Inspection> inspect_initramfs(std::string_view image,
                                     std::uint64_t limit = largest_unpacked);

}  // namespace osiekit::builder
