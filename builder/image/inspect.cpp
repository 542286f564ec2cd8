#include "builder/image/inspect.hpp"

#include <sys/stat.h>

#include <map>
#include <tuple>

#include "builder/image/compose.hpp"
#include "builder/image/cpio_reader.hpp"
#include "builder/image/frame_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_target = 4095;  // PATH_MAX without the NUL

InspectedEntry seen_entry(const CpioEntry& entry) {
    InspectedEntry seen;
    seen.path = entry.path;
    seen.mode = entry.mode;
    seen.uid = entry.uid;
    seen.gid = entry.gid;
    seen.links = entry.links;
    seen.mtime = entry.mtime;
    seen.device_major = entry.device_major;
    seen.device_minor = entry.device_minor;
    seen.size = entry.content.size();
    std::uint32_t type = entry.mode & S_IFMT;
    if (type == S_IFLNK) {
        seen.ignored = entry.content.size() > longest_target;
        if (!seen.ignored) seen.target = entry.content;
    } else if (type == S_IFREG) {
        seen.digest = Sha256::of(entry.content);
    } else {
        seen.ignored = !entry.content.empty();
    }
    return seen;
}

// Names that share a file, by what the kernel tells files apart with. Its table is emptied by an
// end mark.
class LinkTable {
  public:
    void add(const CpioEntry& entry, std::size_t number) {
        if ((entry.mode & S_IFMT) != S_IFREG || entry.links < 2) return;
        Group& group = groups_[{entry.file_major, entry.file_minor, entry.inode}];
        group.names.push_back(number);
        if (!entry.content.empty()) group.content = number;
    }
    // Writes what the names share into their entries.
    void close(std::vector<InspectedEntry>& entries) {
        for (const auto& [key, group] : groups_) {
            const InspectedEntry& first = entries[group.names.front()];
            std::size_t from = group.content.value_or(group.names.front());
            std::uint64_t size = entries[from].size;
            Sha256 digest = entries[from].digest;
            for (std::size_t name : group.names) {
                entries[name].size = size;
                entries[name].digest = digest;
                if (name != group.names.front()) entries[name].link_to = first.path;
            }
        }
        groups_.clear();
    }

  private:
    struct Group {
        std::vector<std::size_t> names;
        std::optional<std::size_t> content;
    };
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Group> groups_;
};

class Inspector {
  public:
    Inspector(std::string_view image, const InspectOptions& options)
        : image_(image), options_(options) {}

    Result<Inspection> run() {
        inspection_.size = image_.size();
        for (;;) {
            while (offset_ < image_.size() && image_[offset_] == '\0') ++offset_;
            if (offset_ == image_.size()) break;
            auto segment = read_segment();
            if (!segment) {
                if (options_.failed_at != nullptr) *options_.failed_at = offset_;
                return std::move(segment).error().context(
                    "byte " + std::to_string(options_.base + offset_) + " of the image");
            }
            offset_ += segment->size;
            inspection_.unpacked += segment->unpacked;
            inspection_.segments.push_back(std::move(segment).value());
        }
        if (inspection_.segments.empty())
            return Error(ErrorKind::invalid_input, "the image is empty");
        const auto& entries = inspection_.segments.back().entries;
        inspection_.complete = !entries.empty() && entries.back().path == sentinel_path;
        return std::move(inspection_);
    }

  private:
    Result<InspectedSegment> read_segment() {
        if (inspection_.segments.size() == options_.segments)
            return Error(ErrorKind::limit, "the image has more than " +
                                               std::to_string(options_.segments) + " segments");
        InspectedSegment segment;
        segment.offset = offset_;
        std::string_view rest = image_.substr(offset_);
        bool aligned = offset_ % 4 == 0;
        if (after_plain_ && !aligned)
            return Error(ErrorKind::invalid_input,
                         "what follows an uncompressed archive must start at a multiple of four");
        after_plain_ = rest.front() == '0' && aligned;
        if (after_plain_) {
            OSIEKIT_ASSIGN(std::size_t used, read_entries(rest, segment, false));
            segment.size = segment.unpacked = used;
            segment.content_digest = Sha256::of(rest.substr(0, used));
            if (used > options_.unpacked - inspection_.unpacked)
                return Error(ErrorKind::limit, "the image unpacks to more than " +
                                                   std::to_string(options_.unpacked) + " bytes");
            return segment;
        }
        OSIEKIT_ASSIGN(Frame frame, read_frame(rest, options_.unpacked - inspection_.unpacked));
        segment.compression = frame.method;
        segment.size = frame.compressed_size;
        segment.unpacked = frame.content.size();
        segment.window = frame.window;
        segment.content_digest = Sha256::of(frame.content);
        OSIEKIT_TRY(read_entries(frame.content, segment, true));
        return segment;
    }

    // Gives the bytes read: up to the first end mark, or with `all` to the end, where nothing but
    // further archives may follow.
    Result<std::size_t> read_entries(std::string_view archive, InspectedSegment& segment,
                                     bool all) {
        CpioReader reader(archive);
        LinkTable links;
        while (!reader.at_end()) {
            OSIEKIT_ASSIGN(auto entry, reader.next());
            segment.ended = !entry;
            if (!entry) {
                links.close(segment.entries);
                if (!all) break;
                OSIEKIT_ASSIGN(bool more, reader.resume());
                if (!more) break;
                continue;
            }
            if (++entries_ > options_.entries)
                return Error(ErrorKind::limit, "the image has more than " +
                                                   std::to_string(options_.entries) + " entries");
            InspectedEntry seen = seen_entry(*entry);
            if (options_.visit)
                OSIEKIT_TRY(options_.visit(inspection_.segments.size(), segment.entries.size(),
                                           seen, entry->content));
            links.add(*entry, segment.entries.size());
            segment.entries.push_back(std::move(seen));
        }
        links.close(segment.entries);
        return reader.offset();
    }

    std::string_view image_;
    const InspectOptions& options_;
    Inspection inspection_;
    std::size_t offset_ = 0;
    std::size_t entries_ = 0;
    bool after_plain_ = false;
};

}  // namespace

Result<Inspection> inspect_initramfs(std::string_view image, const InspectOptions& options) {
    return Inspector(image, options).run();
}

Result<Inspection> inspect_initramfs(std::string_view image, std::uint64_t limit) {
    InspectOptions options;
    options.unpacked = limit;
    return inspect_initramfs(image, options);
}

}  // namespace osiekit::builder
