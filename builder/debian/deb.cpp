#include "builder/debian/deb.hpp"

#include <archive_entry.h>

#include <algorithm>

#include "builder/debian/ar.hpp"
#include "builder/debian/stanza.hpp"
#include "builder/debian/tar_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

Status check_format(ArReader& archive, const ArMember& member) {
    if (member.name != "debian-binary")
        return Error(ErrorKind::invalid_input, "its first member is not debian-binary");
    constexpr std::uint64_t longest_version = 20;
    OSIEKIT_ASSIGN(std::string version,
                   take(archive.content(), std::min(member.size, longest_version)));
    version.resize(std::min(version.find('\n'), version.size()));
    // A later minor number stays readable; a later major one does not (deb(5)).
    if (!version.starts_with("2."))
        return Error(ErrorKind::unsupported,
                     "package format \"" + printable(version, 20) + "\" is not 2.x");
    return {};
}

// Goes on to the next member that is not for others, which are named "_…".
Result<ArMember> next_part(ArReader& archive, std::string_view wanted) {
    ArMember member;
    do {
        OSIEKIT_ASSIGN(bool more, archive.next(member));
        if (!more) return Error(ErrorKind::invalid_input, "it has no " + std::string(wanted));
    } while (member.name.starts_with("_"));
    if (!member.name.starts_with(wanted))
        return Error(ErrorKind::invalid_input, "it has \"" + printable(member.name, 20) +
                                                   "\" where " + std::string(wanted) +
                                                   " is expected");
    return member;
}

// debian-binary, control.tar* and data.tar* come in this order.
Result<ArMember> find_control(ArReader& archive) {
    ArMember member;
    OSIEKIT_ASSIGN(bool any, archive.next(member));
    if (!any) return Error(ErrorKind::invalid_input, "it is empty");
    OSIEKIT_TRY(check_format(archive, member));
    return next_part(archive, "control.tar");
}

Result<ArMember> find_data(ArReader& archive) {
    OSIEKIT_ASSIGN(ArMember control, find_control(archive));
    return next_part(archive, "data.tar");
}

// Makes "./usr//bin/" into "usr/bin"; the root itself becomes empty. Names that climb are refused:
// whoever writes the files must not have to think of that.
Result<std::string> normalised(std::string_view name, std::size_t limit) {
    if (name.size() > limit)
        return Error(ErrorKind::limit, "a path of " + std::to_string(name.size()) + " bytes: \"" +
                                           printable(name, 60) + "\"");
    std::string path;
    for (std::string_view part : split(name, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..")
            return Error(ErrorKind::refused,
                         "the path \"" + printable(name) + "\" leads out of the root");
        if (!path.empty()) path += '/';
        path += part;
    }
    return path;
}

Result<FileType> file_type(archive_entry* entry, std::string_view path) {
    if (archive_entry_hardlink(entry) != nullptr) return FileType::hardlink;
    switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
            return FileType::regular;
        case AE_IFDIR:
            return FileType::directory;
        case AE_IFLNK:
            return FileType::symlink;
        case AE_IFCHR:
            return FileType::character_device;
        case AE_IFBLK:
            return FileType::block_device;
        case AE_IFIFO:
            return FileType::fifo;
        default:
            return Error(ErrorKind::unsupported, "\"" + printable(path) +
                                                     "\" is a kind of file that packages do not "
                                                     "have");
    }
}

std::string text_or_empty(const char* text) {
    return text != nullptr ? text : "";
}

std::vector<std::string> attributes_of(archive_entry* entry) {
    std::vector<std::string> names;
    archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    while (names.size() < most_attributes &&
           archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        names.emplace_back(name);
    return names;
}

// Everything of an entry but its content.
Result<PackageFile> describe(archive_entry* entry, const DebLimits& limits) {
    PackageFile file;
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr)
        return Error(ErrorKind::invalid_input, "an entry has a name that cannot be read");
    OSIEKIT_ASSIGN(file.path, normalised(name, limits.path_length));
    OSIEKIT_ASSIGN(file.type, file_type(entry, file.path));
    file.mode = archive_entry_perm(entry);
    file.uid = static_cast<std::uint32_t>(archive_entry_uid(entry));
    file.gid = static_cast<std::uint32_t>(archive_entry_gid(entry));
    file.mtime = archive_entry_mtime(entry);
    file.attributes = attributes_of(entry);
    if (file.type == FileType::symlink) {
        file.link_target = text_or_empty(archive_entry_symlink(entry));
        if (file.link_target.empty() || file.link_target.size() > limits.path_length)
            return Error(ErrorKind::invalid_input,
                         "the symbolic link \"" + printable(file.path) + "\" has no usable target");
    } else if (file.type == FileType::hardlink) {
        OSIEKIT_ASSIGN(file.link_target, normalised(text_or_empty(archive_entry_hardlink(entry)),
                                                    limits.path_length));
        if (file.link_target.empty())
            return Error(ErrorKind::invalid_input,
                         "the hard link \"" + printable(file.path) + "\" has no target");
    } else if (file.type == FileType::character_device || file.type == FileType::block_device) {
        file.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
        file.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
    }
    return file;
}

// Opens a control archive, which is small.
DebLimits control_limits(const DebLimits& limits) {
    DebLimits result = limits;
    result.file_size = limits.control_size;
    result.unpacked_size = limits.control_size;
    return result;
}

// A file of the control part; nullopt: it has none of that name.
Result<std::optional<std::string>> control_file(ArReader& archive, std::string_view name,
                                                const DebLimits& limits) {
    OSIEKIT_ASSIGN(ArMember member, find_control(archive));
    DebLimits small = control_limits(limits);
    TarReader tar(member.name, archive.content(), small);
    OSIEKIT_TRY(tar.open());
    for (;;) {
        OSIEKIT_ASSIGN(archive_entry * entry, tar.next());
        if (entry == nullptr) return std::optional<std::string>();
        OSIEKIT_ASSIGN(PackageFile file, describe(entry, limits));
        if (file.path != name || file.type != FileType::regular) continue;
        OSIEKIT_ASSIGN(std::string text, tar.content(entry, file.path));
        return std::optional(std::move(text));
    }
}

Result<std::map<std::string, std::string>> parse_control(std::string_view text) {
    StanzaReader reader(text);
    std::vector<StanzaField> fields;
    OSIEKIT_ASSIGN(bool any, reader.next(fields));
    std::map<std::string, std::string> result;
    for (const StanzaField& field : fields)
        result.emplace(to_lower(field.name), std::string(field.value));
    if (!any || result.count("package") == 0)
        return Error(ErrorKind::invalid_input, "its control file names no package");
    return result;
}

// Half a package is none, though its control part may be whole.
Result<std::map<std::string, std::string>> read_control(ByteSource& bytes,
                                                        const DebLimits& limits) {
    ArReader archive(bytes);
    OSIEKIT_ASSIGN(auto text, control_file(archive, "control", limits));
    if (!text) return Error(ErrorKind::invalid_input, "it has no control file");
    OSIEKIT_ASSIGN(auto fields, parse_control(*text));
    OSIEKIT_TRY(next_part(archive, "data.tar"));
    return fields;
}

}  // namespace

std::string_view to_string(FileType type) {
    switch (type) {
        case FileType::regular:
            return "file";
        case FileType::directory:
            return "directory";
        case FileType::symlink:
            return "symlink";
        case FileType::hardlink:
            return "hardlink";
        case FileType::character_device:
            return "character-device";
        case FileType::block_device:
            return "block-device";
        case FileType::fifo:
            return "fifo";
    }
    return "file";
}

Status read_deb(const fs::path& path, const PackageSink& sink, const PackageFilter& filter,
                const DebLimits& limits) {
    OSIEKIT_ASSIGN(auto file, FileBytes::open(path));
    return read_deb_source(*file, sink, filter, limits).context("reading package " + path.string());
}

Result<std::string> read_deb_script(const fs::path& path, std::string_view name,
                                    const DebLimits& limits) {
    OSIEKIT_ASSIGN(auto file, FileBytes::open(path));
    ArReader archive(*file);
    auto script = control_file(archive, name, limits)
                      .context("reading " + std::string(name) + " of package " + path.string());
    if (!script) return std::move(script).error();
    return script->value_or("");
}

Status read_package_tar(const std::string& name, ByteSource& bytes, const PackageSink& sink,
                        const PackageFilter& filter, const DebLimits& limits) {
    TarReader tar(name, bytes, limits);
    OSIEKIT_TRY(tar.open());
    for (;;) {
        OSIEKIT_ASSIGN(archive_entry * entry, tar.next());
        if (entry == nullptr) return {};
        OSIEKIT_ASSIGN(PackageFile file, describe(entry, limits));
        if (file.path.empty()) continue;
        if (filter && !filter(file.path, file.type)) continue;
        if (file.type == FileType::regular) {
            OSIEKIT_ASSIGN(file.content, tar.content(entry, file.path));
        }
        OSIEKIT_TRY(sink(std::move(file)));
    }
}

Status read_deb_source(ByteSource& bytes, const PackageSink& sink, const PackageFilter& filter,
                       const DebLimits& limits) {
    ArReader archive(bytes);
    OSIEKIT_ASSIGN(ArMember member, find_data(archive));
    return read_package_tar(member.name, archive.content(), sink, filter, limits);
}

Status read_deb_bytes(std::string_view bytes, const PackageSink& sink, const PackageFilter& filter,
                      const DebLimits& limits) {
    MemoryBytes source(bytes);
    return read_deb_source(source, sink, filter, limits);
}

Result<std::map<std::string, std::string>> read_deb_control(const fs::path& path,
                                                            const DebLimits& limits) {
    OSIEKIT_ASSIGN(auto file, FileBytes::open(path));
    return read_control(*file, limits)
        .context("reading the control file of package " + path.string());
}

Result<std::map<std::string, std::string>> read_deb_control_bytes(std::string_view bytes,
                                                                  const DebLimits& limits) {
    MemoryBytes source(bytes);
    return read_control(source, limits);
}

}  // namespace osiekit::builder
