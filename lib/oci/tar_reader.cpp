#include "lib/oci/tar_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

constexpr std::uint64_t block_bytes = 512;
constexpr std::uint64_t end_mark_bytes = 2 * block_bytes;

Result<LayerEntry::Type> type_of(archive_entry* entry) {
    if (::archive_entry_hardlink(entry) != nullptr) return LayerEntry::Type::hard_link;
    switch (::archive_entry_filetype(entry)) {
        case AE_IFREG:
            return LayerEntry::Type::regular;
        case AE_IFDIR:
            return LayerEntry::Type::directory;
        case AE_IFLNK:
            return LayerEntry::Type::symlink;
        case AE_IFCHR:
            return LayerEntry::Type::character;
        case AE_IFBLK:
            return LayerEntry::Type::block;
        case AE_IFIFO:
            return LayerEntry::Type::fifo;
        default:
            return Error(ErrorKind::invalid_input, "the layer holds an entry of unknown type");
    }
}

// (uid_t)-1 would leave the owner as it is, chown(2).
Result<std::uint32_t> owner(la_int64_t id, const std::string& name) {
    constexpr la_int64_t most = 0xfffffffe;
    if (id >= 0 && id <= most) return static_cast<std::uint32_t>(id);
    return Error(ErrorKind::invalid_input, "\"" + printable(name) + "\" belongs to " +
                                               std::to_string(id) + ", which is no user or group");
}

Result<LayerEntry> describe(archive_entry* from) {
    LayerEntry entry;
    const char* name = ::archive_entry_pathname(from);
    if (name == nullptr)
        return Error(ErrorKind::invalid_input, "the layer holds an entry without a usable name");
    entry.name = name;
    OSIEKIT_ASSIGN(entry.type, type_of(from));
    const char* target = entry.type == LayerEntry::Type::hard_link ? ::archive_entry_hardlink(from)
                                                                   : ::archive_entry_symlink(from);
    if (target != nullptr) entry.target = target;
    entry.mode = ::archive_entry_perm(from) & 07777U;
    OSIEKIT_ASSIGN(entry.uid, owner(::archive_entry_uid(from), entry.name));
    OSIEKIT_ASSIGN(entry.gid, owner(::archive_entry_gid(from), entry.name));
    entry.modified = {::archive_entry_mtime(from), ::archive_entry_mtime_nsec(from)};
    entry.device = ::archive_entry_rdev(from);
    entry.size = static_cast<std::uint64_t>(::archive_entry_size(from));
    ::archive_entry_xattr_reset(from);
    const char* key = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (::archive_entry_xattr_next(from, &key, &value, &size) == ARCHIVE_OK)
        entry.xattrs.emplace_back(key, std::string(static_cast<const char*>(value), size));
    return entry;
}

}  // namespace

Result<std::string_view> HashedBytes::next() {
    if (failure_) return *failure_;
    if (ended_) return std::string_view();
    auto piece = source_();
    if (!piece) {
        failure_ = piece.error();
        return piece;
    }
    ended_ = piece->empty();
    count_ += piece->size();
    hash_.update(*piece);
    return piece;
}

Status TarReader::open() {
    ::archive_read_support_format_tar(handle_.get());
    if (::archive_read_open(handle_.get(), this, nullptr, &TarReader::give, nullptr) != ARCHIVE_OK)
        return failure("reading the layer");
    return {};
}

Result<std::optional<LayerEntry>> TarReader::next() {
    if (in_entry_ && ::archive_read_data_skip(handle_.get()) < ARCHIVE_WARN)
        return failure("reading the layer");
    archive_entry* raw = nullptr;
    in_header_ = true;
    header_left_ = max_header_bytes;
    int code = ::archive_read_next_header(handle_.get(), &raw);
    in_header_ = false;
    if (code == ARCHIVE_EOF) return std::optional<LayerEntry>();
    if (code != ARCHIVE_OK) return failure("reading the layer");
    in_entry_ = true;
    OSIEKIT_ASSIGN(auto entry, describe(raw));
    return std::optional<LayerEntry>(std::move(entry));
}

Status TarReader::copy_data(int fd) {
    for (;;) {
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        int code = ::archive_read_data_block(handle_.get(), &block, &size, &offset);
        if (code == ARCHIVE_EOF) return {};
        if (code != ARCHIVE_OK) return failure("reading the layer");
        // Padding of ours is not content. (libarchive consumes a block when it is asked for more.)
        auto end = static_cast<std::uint64_t>(::archive_filter_bytes(handle_.get(), 0)) + size;
        if (padded_ && end > bytes_.count())
            return Error(ErrorKind::invalid_input, "reading the layer: the archive is cut off");
        const char* from = static_cast<const char*>(block);
        while (size > 0) {
            ssize_t n = ::pwrite(fd, from, size, offset);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return Error::from_errno("writing");
            from += n;
            offset += n;
            size -= static_cast<std::size_t>(n);
        }
    }
}

std::string_view TarReader::padding() {
    if (std::exchange(padded_, true)) return {};
    std::uint64_t last = bytes_.count() % block_bytes;
    padding_.assign(end_mark_bytes + (last == 0 ? 0 : block_bytes - last), '\0');
    return padding_;
}

Result<std::string_view> TarReader::piece() {
    if (rest_.empty()) {
        OSIEKIT_ASSIGN(rest_, bytes_.next());
    }
    if (rest_.empty()) return padding();
    std::size_t size = rest_.size();
    if (in_header_) {
        if (header_left_ == 0)
            return Error(ErrorKind::limit,
                         "the description of one entry of the layer is larger "
                         "than " +
                             human_size(max_header_bytes));
        size = std::min<std::uint64_t>(size, header_left_);
        header_left_ -= size;
    }
    std::string_view given = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return given;
}

la_ssize_t TarReader::give(archive*, void* pointer, const void** buffer) {
    auto& self = *static_cast<TarReader*>(pointer);
    auto piece = self.piece();
    if (!piece) {
        self.error_ = std::move(piece).error();
        return -1;
    }
    *buffer = piece->data();
    return static_cast<la_ssize_t>(piece->size());
}

Error TarReader::failure(const std::string& what) {
    if (error_) return *error_;
    return archive_error(handle_.get(), what);
}

}  // namespace osiekit::oci
