#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <memory>
#include <set>

#include "lib/base/text.hpp"
#include "lib/oci_layout/layout_writer.hpp"

namespace osiekit::oci_layout {
namespace {

constexpr const char* gzip_level = "9";
constexpr const char* zstd_level = "19";

struct FreeArchive {
    void operator()(archive* handle) const { ::archive_write_free(handle); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using Writer = std::unique_ptr<archive, FreeArchive>;

la_ssize_t append(archive*, void* target, const void* bytes, std::size_t size) {
    static_cast<std::string*>(target)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
}

Error failure(const Writer& writer, const std::string& what) {
    const char* reason = ::archive_error_string(writer.get());
    return {ErrorKind::io, "cannot write " + what + ": " + (reason == nullptr ? "?" : reason)};
}

Status check_path(const std::string& path) {
    bool bad = path.empty() || path.front() == '/' || path.find('\0') != std::string::npos;
    for (std::string_view part : split(path, '/'))
        bad = bad || part.empty() || part == "." || part == "..";
    if (bad)
        return Error(
            ErrorKind::invalid_input,
            "'" + printable(path) + "' is no path of a layer: relative, without '.' or '..'");
    return {};
}

Status write_entry(const Writer& writer, const Entry& item) {
    std::unique_ptr<archive_entry, FreeEntry> entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), item.path.c_str());
    ::archive_entry_set_perm(entry.get(), item.mode & 07777U);
    ::archive_entry_set_mtime(entry.get(), 0, 0);
    ::archive_entry_set_uid(entry.get(), 0);
    ::archive_entry_set_gid(entry.get(), 0);
    if (item.kind == EntryKind::directory) {
        ::archive_entry_set_filetype(entry.get(), AE_IFDIR);
    } else if (item.kind == EntryKind::symlink) {
        ::archive_entry_set_filetype(entry.get(), AE_IFLNK);
        ::archive_entry_set_symlink(entry.get(), item.content.c_str());
    } else {
        ::archive_entry_set_filetype(entry.get(), AE_IFREG);
        ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(item.content.size()));
    }
    if (::archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK)
        return failure(writer, item.path);
    if (item.kind == EntryKind::file && !item.content.empty() &&
        ::archive_write_data(writer.get(), item.content.data(), item.content.size()) !=
            static_cast<la_ssize_t>(item.content.size()))
        return failure(writer, item.path);
    return {};
}

// The entries with the directories that they need before them.
Result<std::vector<Entry>> complete(const std::vector<Entry>& entries) {
    std::set<std::string> known;
    std::vector<Entry> list;
    for (const Entry& entry : entries) {
        OSIEKIT_TRY(check_path(entry.path));
        for (std::size_t at = entry.path.find('/'); at != std::string::npos;
             at = entry.path.find('/', at + 1)) {
            std::string parent = entry.path.substr(0, at);
            if (known.insert(parent).second)
                list.push_back({EntryKind::directory, parent, 0755, {}});
        }
        if (!known.insert(entry.path).second)
            return Error(ErrorKind::invalid_input,
                         "'" + printable(entry.path) + "' is in the layer twice");
        list.push_back(entry);
    }
    return list;
}

// Compresses through libarchive's raw format, whose output is the filter's stream and nothing else.
Result<std::string> compress(const std::string& bytes, Compression compression) {
    std::string result;
    Writer writer(::archive_write_new());
    bool ready = ::archive_write_set_format_raw(writer.get()) == ARCHIVE_OK;
    if (compression == Compression::gzip)
        ready = ready && ::archive_write_add_filter_gzip(writer.get()) == ARCHIVE_OK &&
                ::archive_write_set_filter_option(writer.get(), "gzip", "compression-level",
                                                  gzip_level) == ARCHIVE_OK &&
                // Otherwise the header holds the time of day.
                ::archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr) ==
                    ARCHIVE_OK;
    else
        ready = ready && ::archive_write_add_filter_zstd(writer.get()) == ARCHIVE_OK &&
                ::archive_write_set_filter_option(writer.get(), "zstd", "compression-level",
                                                  zstd_level) == ARCHIVE_OK;
    ready = ready && ::archive_write_set_bytes_in_last_block(writer.get(), 1) == ARCHIVE_OK &&
            ::archive_write_open2(writer.get(), &result, nullptr, append, nullptr, nullptr) ==
                ARCHIVE_OK;
    if (!ready) return failure(writer, "the layer");
    OSIEKIT_TRY(write_entry(writer, {EntryKind::file, "layer", 0644, bytes}));
    if (::archive_write_close(writer.get()) != ARCHIVE_OK) return failure(writer, "the layer");
    return result;
}

}  // namespace

Result<std::string> make_tar(const std::vector<Entry>& entries) {
    OSIEKIT_ASSIGN(std::vector<Entry> list, complete(entries));
    std::string result;
    Writer writer(::archive_write_new());
    if (::archive_write_set_format_pax_restricted(writer.get()) != ARCHIVE_OK ||
        ::archive_write_set_option(writer.get(), nullptr, "hdrcharset", "UTF-8") < ARCHIVE_WARN ||
        ::archive_write_open2(writer.get(), &result, nullptr, append, nullptr, nullptr) !=
            ARCHIVE_OK)
        return failure(writer, "the layer");
    for (const Entry& entry : list) OSIEKIT_TRY(write_entry(writer, entry));
    if (::archive_write_close(writer.get()) != ARCHIVE_OK) return failure(writer, "the layer");
    return result;
}

Result<Layer> make_layer(const std::vector<Entry>& entries, Compression compression) {
    OSIEKIT_ASSIGN(std::string tar, make_tar(entries));
    Layer layer;
    layer.diff_id = Sha256::of(tar);
    layer.media_type = "application/vnd.oci.image.layer.v1.tar";
    if (compression == Compression::none) {
        layer.bytes = std::move(tar);
    } else {
        layer.media_type += compression == Compression::gzip ? "+gzip" : "+zstd";
        OSIEKIT_ASSIGN(layer.bytes, compress(tar, compression));
    }
    layer.digest = Sha256::of(layer.bytes);
    return layer;
}

}  // namespace osiekit::oci_layout
