#include "lib/oci/unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/layer_writer.hpp"

namespace osiekit::oci {
namespace {

struct ArchiveDeleter {
    void operator()(archive* handle) const { ::archive_read_free(handle); }
};
using Archive = std::unique_ptr<archive, ArchiveDeleter>;

// libarchive turns the UTF-8 names of PAX headers into the thread's character set and drops those
// that do not fit. Static programs in an empty root have no locale files; see
// archive_static_locale.c.
class Utf8Locale {
  public:
    Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
        if (locale_ != nullptr) previous_ = ::uselocale(locale_);
    }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;
    ~Utf8Locale() {
        if (locale_ == nullptr) return;
        ::uselocale(previous_);
        ::freelocale(locale_);
    }

  private:
    locale_t locale_;
    locale_t previous_ = nullptr;
};

Error archive_error(archive* handle, const std::string& what) {
    const char* text = ::archive_error_string(handle);
    return {ErrorKind::invalid_input,
            what + ": " + (text != nullptr ? printable(text) : "the archive is damaged")};
}

// First stage: compressed bytes in, the archive's bytes out, hashed and counted on the way. Only
// the gzip and zstd filters of libarchive are enabled: each further parser is more to attack.
class Inflater {
  public:
    Inflater(const ByteSource& source, std::uint64_t limit, ContentDigest::Algorithm algorithm)
        : source_(source), limit_(limit), hash_(algorithm), handle_(::archive_read_new()) {}

    Status open() {
        ::archive_read_support_filter_gzip(handle_.get());
        ::archive_read_support_filter_zstd(handle_.get());
        ::archive_read_support_format_raw(handle_.get());
        ::archive_read_support_format_empty(handle_.get());
        if (::archive_read_open(handle_.get(), this, nullptr, &Inflater::give, nullptr) !=
            ARCHIVE_OK)
            return failure("reading the layer");
        archive_entry* entry = nullptr;
        int code = ::archive_read_next_header(handle_.get(), &entry);
        if (code == ARCHIVE_EOF) ended_ = true;
        if (code != ARCHIVE_OK && code != ARCHIVE_EOF) return failure("reading the layer");
        return {};
    }

    // The next piece of the archive; empty at the end. A failure is final: the tar reader takes a
    // broken end for an end and would go on.
    Result<std::string_view> next() {
        if (failure_) return *failure_;
        auto piece = next_piece();
        if (!piece) failure_ = piece.error();
        return piece;
    }

    Status drain() {
        for (;;) {
            OSIEKIT_ASSIGN(auto piece, next());
            if (piece.empty() && ended_) return {};
        }
    }
    bool ended() const { return ended_; }
    std::uint64_t count() const { return count_; }
    ContentDigest digest() { return hash_.finish(); }

  private:
    Result<std::string_view> next_piece() {
        if (ended_) return std::string_view();
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        int code = ::archive_read_data_block(handle_.get(), &block, &size, &offset);
        if (code == ARCHIVE_EOF) {
            ended_ = true;
            return std::string_view();
        }
        if (code != ARCHIVE_OK) return failure("decompressing the layer");
        std::string_view piece(static_cast<const char*>(block), size);
        count_ += size;
        if (count_ > limit_)
            return Error(ErrorKind::limit, "the layer unpacks to more than " + human_size(limit_))
                .hint("give the machine more memory, or use a smaller image");
        hash_.update(piece);
        return piece;
    }

    static la_ssize_t give(archive*, void* pointer, const void** buffer) {
        auto& self = *static_cast<Inflater*>(pointer);
        auto piece = self.source_();
        if (!piece) {
            self.source_error_ = std::move(piece).error();
            return -1;
        }
        *buffer = piece->data();
        return static_cast<la_ssize_t>(piece->size());
    }
    Error failure(const std::string& what) {
        if (source_error_) return *source_error_;
        return archive_error(handle_.get(), what);
    }

    const ByteSource& source_;
    std::uint64_t limit_;
    std::uint64_t count_ = 0;
    bool ended_ = false;
    ContentHash hash_;
    std::optional<Error> failure_;
    std::optional<Error> source_error_;
    Archive handle_;
};

// Second stage: entries out of the archive's bytes.
class TarReader {
  public:
    explicit TarReader(Inflater& inflater) : inflater_(inflater), handle_(::archive_read_new()) {}

    Status open() {
        ::archive_read_support_format_tar(handle_.get());
        if (::archive_read_open(handle_.get(), this, nullptr, &TarReader::give, nullptr) !=
            ARCHIVE_OK)
            return failure("reading the layer");
        return {};
    }
    // False at the end.
    Result<bool> next(archive_entry** entry) {
        int code = ::archive_read_next_header(handle_.get(), entry);
        if (code == ARCHIVE_EOF) return false;
        if (code != ARCHIVE_OK) return failure("reading the layer");
        return true;
    }
    Status copy_data(int fd) {
        for (;;) {
            const void* block = nullptr;
            std::size_t size = 0;
            la_int64_t offset = 0;
            int code = ::archive_read_data_block(handle_.get(), &block, &size, &offset);
            if (code == ARCHIVE_EOF) return {};
            if (code != ARCHIVE_OK) return failure("reading the layer");
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

  private:
    static la_ssize_t give(archive*, void* pointer, const void** buffer) {
        auto& self = *static_cast<TarReader*>(pointer);
        for (;;) {
            auto piece = self.inflater_.next();
            if (!piece) {
                self.inflater_error_ = std::move(piece).error();
                return -1;
            }
            if (piece->empty() && !self.inflater_.ended()) continue;
            *buffer = piece->data();
            return static_cast<la_ssize_t>(piece->size());
        }
    }
    Error failure(const std::string& what) {
        if (inflater_error_) return *inflater_error_;
        return archive_error(handle_.get(), what);
    }

    Inflater& inflater_;
    std::optional<Error> inflater_error_;
    Archive handle_;
};

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
    entry.uid = static_cast<uid_t>(::archive_entry_uid(from));
    entry.gid = static_cast<gid_t>(::archive_entry_gid(from));
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

Result<UnpackedLayer> unpack_layer(const ByteSource& source, int root_fd,
                                   const UnpackLimits& limits, ContentDigest::Algorithm algorithm) {
    Utf8Locale locale;
    Inflater inflater(source, limits.tar_bytes, algorithm);
    OSIEKIT_TRY(inflater.open());
    TarReader tar(inflater);
    OSIEKIT_TRY(tar.open());
    LayerWriter writer(root_fd);
    UnpackedLayer layer;
    for (archive_entry* raw = nullptr;;) {
        OSIEKIT_ASSIGN(bool more, tar.next(&raw));
        if (!more) break;
        if (++layer.entries > limits.entries)
            return Error(ErrorKind::limit,
                         "the layer has more than " + std::to_string(limits.entries) + " entries");
        OSIEKIT_ASSIGN(LayerEntry entry, describe(raw));
        OSIEKIT_ASSIGN(Fd file, writer.add(entry));
        if (!file) continue;
        OSIEKIT_TRY(tar.copy_data(file.get()).context("unpacking " + printable(entry.name)));
        OSIEKIT_TRY(writer.close_file(entry, std::move(file)));
    }
    OSIEKIT_TRY(writer.finish());
    // What follows the archive's end belongs to the digest.
    OSIEKIT_TRY(inflater.drain());
    layer.tar_bytes = inflater.count();
    layer.diff_id = inflater.digest();
    return layer;
}

}  // namespace osiekit::oci
