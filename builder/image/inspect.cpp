#include "builder/image/inspect.hpp"

#include <sys/stat.h>

#include <array>

#include "builder/image/compose.hpp"
#include "builder/image/cpio_reader.hpp"
#include "builder/image/zstd_stream.hpp"

namespace osiekit::builder {

namespace {

struct Magic {
    std::string_view bytes;
    std::string_view name;
};
constexpr std::array<Magic, 6> foreign = {{{std::string_view("\x1f\x8b", 2), "gzip"},
                                           {std::string_view("\xfd\x37\x7a\x58\x5a", 5), "xz"},
                                           {std::string_view("\x42\x5a\x68", 3), "bzip2"},
                                           {std::string_view("\x5d\x00\x00", 3), "lzma"},
                                           {std::string_view("\x02\x21\x4c\x18", 4), "lz4"},
                                           {std::string_view("\x89\x4c\x5a\x4f", 4), "lzo"}}};
constexpr std::string_view zstd_magic("\x28\xb5\x2f\xfd", 4);

Status read_entries(std::string_view archive, InspectedSegment& segment, std::size_t& used) {
    CpioReader reader(archive);
    for (;;) {
        OSIEKIT_ASSIGN(auto entry, reader.next());
        if (!entry) break;
        InspectedEntry seen;
        seen.path = entry->path;
        seen.mode = entry->mode;
        seen.uid = entry->uid;
        seen.gid = entry->gid;
        seen.links = entry->links;
        seen.mtime = entry->mtime;
        seen.device_major = entry->device_major;
        seen.device_minor = entry->device_minor;
        seen.size = entry->content.size();
        if ((entry->mode & S_IFMT) == S_IFLNK) seen.target = entry->content;
        segment.entries.push_back(std::move(seen));
    }
    used = reader.offset();
    return {};
}

Error at(std::size_t offset, Error error) {
    return std::move(error).context("byte " + std::to_string(offset) + " of the image");
}

Result<InspectedSegment> read_compressed(std::string_view rest, std::size_t offset,
                                         std::uint64_t limit) {
    for (const Magic& magic : foreign)
        if (rest.starts_with(magic.bytes))
            return at(offset, Error(ErrorKind::unsupported,
                                    "a segment compressed with " + std::string(magic.name))
                                  .hint("only zstd and uncompressed segments are read"));
    if (!rest.starts_with(zstd_magic))
        return at(offset, Error(ErrorKind::invalid_input, "neither a cpio archive nor zstd"));
    auto frame = read_zstd_frame(rest, limit);
    if (!frame) return at(offset, std::move(frame).error());
    InspectedSegment segment;
    segment.compression = "zstd";
    segment.offset = offset;
    segment.size = frame->compressed_size;
    segment.unpacked = frame->content.size();
    segment.window = frame->window;
    std::size_t used = 0;
    if (auto read = read_entries(frame->content, segment, used); !read)
        return at(offset, std::move(read).error());
    if (frame->content.find_first_not_of('\0', used) != std::string::npos)
        return at(offset, Error(ErrorKind::invalid_input,
                                "the segment has something behind its archive's end"));
    return segment;
}

}  // namespace

Result<Inspection> inspect_initramfs(std::string_view image, std::uint64_t limit) {
    Inspection inspection;
    inspection.size = image.size();
    std::size_t offset = 0;
    while (offset < image.size()) {
        if (image[offset] == '\0') {
            ++offset;
            continue;
        }
        std::string_view rest = image.substr(offset);
        InspectedSegment segment;
        if (rest.front() == '0' && offset % 4 == 0) {
            segment.compression = "none";
            segment.offset = offset;
            std::size_t used = 0;
            if (auto read = read_entries(rest, segment, used); !read)
                return at(offset, std::move(read).error());
            segment.size = segment.unpacked = used;
        } else {
            OSIEKIT_ASSIGN(segment, read_compressed(rest, offset, limit - inspection.unpacked));
        }
        offset += segment.size;
        inspection.unpacked += segment.unpacked;
        if (inspection.unpacked > limit)
            return Error(ErrorKind::limit,
                         "the image unpacks to more than " + std::to_string(limit) + " bytes");
        inspection.segments.push_back(std::move(segment));
    }
    if (inspection.segments.empty()) return Error(ErrorKind::invalid_input, "the image is empty");
    const auto& entries = inspection.segments.back().entries;
    inspection.complete = !entries.empty() && entries.back().path == sentinel_path;
    return inspection;
}

}  // namespace osiekit::builder
