#include "builder/image/source_tree.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "builder/image/lost_attributes.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece_size = 1U << 16U;

// Collects entries of one source below one place of the image.
class Collector {
  public:
    Collector(const TreeSpec& spec, std::vector<std::string>& warnings,
              const SourceTreeLimits& limits)
        : spec_(spec), warnings_(warnings), limits_(limits) {}

    Status add(std::string_view name, Entry entry) {
        if (++count_ > limits_.entries)
            return Error(ErrorKind::limit,
                         "it has more than " + std::to_string(limits_.entries) + " entries");
        auto path = checked_path(name);
        if (!path) return std::move(path).error();
        std::string whole = spec_.path.empty() ? *path : spec_.path + "/" + *path;
        if (spec_.owner) std::tie(entry.uid, entry.gid) = *spec_.owner;
        entry.origin = spec_.where;
        return tree_.add(whole, std::move(entry));
    }
    const Entry* find(const std::string& name) const {
        return tree_.find(spec_.path.empty() ? name : spec_.path + "/" + name);
    }
    // Of one file.
    void warn_of_attribute(std::string_view path, std::string_view attribute) {
        warnings_.push_back(lost_attribute(spec_.where, path, attribute));
    }
    Tree finish() && { return std::move(tree_); }

  private:
    const TreeSpec& spec_;
    std::vector<std::string>& warnings_;
    const SourceTreeLimits& limits_;
    std::uint64_t count_ = 0;
    Tree tree_;
};

Status add_local(const fs::path& file, const std::string& name, Collector& collector) {
    struct stat status = {};
    if (::lstat(file.c_str(), &status) != 0)
        return Error::from_errno("cannot read " + file.string());
    Entry entry;
    if (S_ISDIR(status.st_mode)) {
        entry = Entry::directory("");
    } else if (S_ISLNK(status.st_mode)) {
        std::error_code error;
        fs::path target = fs::read_symlink(file, error);
        if (error) return Error(ErrorKind::io, "cannot read the symlink " + file.string());
        entry = Entry::symlink(target.string(), "");
    } else if (S_ISREG(status.st_mode)) {
        OSIEKIT_ASSIGN(FileContent content, FileContent::file(file));
        bool executable = (status.st_mode & S_IXUSR) != 0;
        entry = Entry::file(std::move(content), "", executable ? 0755 : 0644);
    } else {
        return Error(ErrorKind::unsupported,
                     "\"" + printable(name) + "\" is neither a file, a folder nor a symlink");
    }
    for (const std::string& attribute : attributes_of_file(file))
        collector.warn_of_attribute(name, attribute);
    return collector.add(name, std::move(entry));
}

Status read_folder(const fs::path& folder, Collector& collector) {
    std::error_code error;
    fs::recursive_directory_iterator files(folder, error);
    for (; !error && files != fs::recursive_directory_iterator(); files.increment(error))
        OSIEKIT_TRY(add_local(files->path(), files->path().lexically_relative(folder), collector));
    if (error) return Error(ErrorKind::io, "cannot read the folder: " + error.message());
    return {};
}

class Archive {
  public:
    Archive(Collector& collector, const SourceTreeLimits& limits)
        : reader_(archive_read_new(), archive_read_free), collector_(collector), limits_(limits) {
        archive_read_support_format_tar(reader_.get());
        archive_read_support_filter_gzip(reader_.get());
        archive_read_support_filter_xz(reader_.get());
        archive_read_support_filter_zstd(reader_.get());
    }

    Status read(const fs::path& file) {
        if (archive_read_open_filename(reader_.get(), file.c_str(), piece_size) != ARCHIVE_OK)
            return failure();
        for (;;) {
            archive_entry* entry = nullptr;
            int code = archive_read_next_header(reader_.get(), &entry);
            if (code == ARCHIVE_EOF) return {};
            if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return failure();
            OSIEKIT_TRY(take(entry));
        }
    }

  private:
    Error failure() {
        const char* reason = archive_error_string(reader_.get());
        return Error(ErrorKind::invalid_input,
                     "not a usable tar archive: " + printable(reason != nullptr ? reason : "?"));
    }

    Status take(archive_entry* header) {
        const char* text = archive_entry_pathname(header);
        if (text == nullptr)
            return Error(ErrorKind::invalid_input, "an entry has a name that cannot be read");
        std::string name = plain(text);
        if (name.empty()) return {};  // the root itself
        if (const char* link = archive_entry_hardlink(header)) return add_link(name, plain(link));
        OSIEKIT_ASSIGN(Entry entry, describe(header, name));
        entry.mode = archive_entry_perm(header);
        entry.uid = static_cast<std::uint32_t>(archive_entry_uid(header));
        entry.gid = static_cast<std::uint32_t>(archive_entry_gid(header));
        if (entry.type == EntryType::symlink) entry.mode = 0777;
        warn(header, name);
        return collector_.add(name, std::move(entry));
    }

    // "./a//b/" → "a/b"; ".." stays, to be refused by who checks paths.
    static std::string plain(std::string_view name) {
        std::vector<std::string> parts;
        for (std::string_view part : split(name, '/'))
            if (!part.empty() && part != ".") parts.emplace_back(part);
        return join(parts, "/");
    }

    Result<Entry> describe(archive_entry* header, const std::string& name) {
        auto device = [&] {
            return Entry::device(static_cast<std::uint32_t>(archive_entry_rdevmajor(header)),
                                 static_cast<std::uint32_t>(archive_entry_rdevminor(header)), 0,
                                 "");
        };
        switch (archive_entry_filetype(header)) {
            case AE_IFDIR:
                return Entry::directory("");
            case AE_IFLNK: {
                const char* target = archive_entry_symlink(header);
                if (target == nullptr || *target == '\0')
                    return Error(ErrorKind::invalid_input,
                                 "the symlink \"" + printable(name) + "\" has no target");
                return Entry::symlink(target, "");
            }
            case AE_IFCHR:
                return device();
            case AE_IFBLK: {
                Entry entry = device();
                entry.type = EntryType::block_device;
                return entry;
            }
            case AE_IFREG: {
                OSIEKIT_ASSIGN(std::string bytes, content(header, name));
                return Entry::file(FileContent::bytes(std::move(bytes)), "");
            }
            default:
                return Error(ErrorKind::unsupported,
                             "\"" + printable(name) + "\" is a kind of file that is not taken");
        }
    }

    Status add_link(const std::string& name, const std::string& target) {
        const Entry* first = collector_.find(target);
        if (first == nullptr || first->type != EntryType::file)
            return Error(ErrorKind::invalid_input,
                         "\"" + printable(name) + "\" is a hard link to \"" + printable(target) +
                             "\", which does not come before it");
        return collector_.add(name, *first);
    }

    Result<std::string> content(archive_entry* header, const std::string& name) {
        la_int64_t size = archive_entry_size(header);
        if (size < 0 || static_cast<std::uint64_t>(size) > limits_.file_size)
            return Error(ErrorKind::limit, "\"" + printable(name) + "\" has more than " +
                                               std::to_string(limits_.file_size) + " bytes");
        std::string bytes;
        std::array<char, piece_size> buffer;
        for (;;) {
            la_ssize_t n = archive_read_data(reader_.get(), buffer.data(), buffer.size());
            if (n < 0) return failure();
            if (n == 0) return bytes;
            unpacked_ += static_cast<std::uint64_t>(n);
            if (unpacked_ > limits_.unpacked_size)
                return Error(
                    ErrorKind::limit,
                    "it unpacks to more than " + std::to_string(limits_.unpacked_size) + " bytes");
            bytes.append(buffer.data(), static_cast<std::size_t>(n));
        }
    }

    void warn(archive_entry* header, const std::string& name) {
        archive_entry_xattr_reset(header);
        const char* attribute = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        while (archive_entry_xattr_next(header, &attribute, &value, &size) == ARCHIVE_OK)
            collector_.warn_of_attribute(name, attribute);
    }

    std::unique_ptr<archive, decltype(&archive_read_free)> reader_;
    Collector& collector_;
    const SourceTreeLimits& limits_;
    std::uint64_t unpacked_ = 0;
};

}  // namespace

Result<Tree> source_tree(const TreeSpec& spec, std::vector<std::string>& warnings,
                         const SourceTreeLimits& limits) {
    Collector collector(spec, warnings, limits);
    std::error_code error;
    std::string context = spec.where + ": " + spec.source.string();
    if (fs::is_directory(spec.source, error)) {
        OSIEKIT_TRY(read_folder(spec.source, collector).context(context));
        return std::move(collector).finish();
    }
    std::uintmax_t size = fs::file_size(spec.source, error);
    if (error) return Error(ErrorKind::not_found, context + ": " + error.message());
    if (size > limits.archive_size)
        return Error(ErrorKind::limit,
                     context + " has more than " + std::to_string(limits.archive_size) + " bytes");
    OSIEKIT_TRY(Archive(collector, limits).read(spec.source).context(context));
    return std::move(collector).finish();
}

}  // namespace osiekit::builder
