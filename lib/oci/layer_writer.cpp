#include "lib/oci/layer_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "lib/base/text.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_name = ".wh..wh..opq";
constexpr std::string_view metadata_prefix = ".wh..wh.";

Error failed(const std::string& what, const std::string& path) {
    return Error::from_errno(what + " " + printable(path));
}

Error refused(const std::string& what, const std::string& path) {
    return {ErrorKind::invalid_input, "\"" + printable(path) + "\" " + what};
}

std::array<timespec, 2> times_of(const timespec& modified) {
    return {modified, modified};
}

Status set_xattrs(const LayerEntry& entry, int fd) {
    for (const auto& [name, value] : entry.xattrs) {
        if (!keeps_xattr(name)) continue;
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
        // Not every file system has user attributes (tmpfs before Linux 6.6).
        if (errno == ENOTSUP) continue;
        return failed("setting the attribute " + printable(name) + " of", entry.name);
    }
    return {};
}

// Owner first (it clears setuid bits and capabilities), then mode, then attributes.
Status set_attributes(const LayerEntry& entry, int fd) {
    if (::fchown(fd, entry.uid, entry.gid) != 0) return failed("setting the owner of", entry.name);
    if (::fchmod(fd, entry.mode) != 0) return failed("setting the mode of", entry.name);
    return set_xattrs(entry, fd);
}

Status check_sizes(const LayerEntry& entry) {
    if (entry.type == LayerEntry::Type::regular && entry.size > max_file_bytes)
        return Error(ErrorKind::limit,
                     printable(entry.name) + " is larger than " + human_size(max_file_bytes));
    if (entry.xattrs.size() > max_xattrs)
        return Error(ErrorKind::limit, printable(entry.name) + " has more than " +
                                           std::to_string(max_xattrs) + " attributes");
    std::size_t bytes = 0;
    for (const auto& [name, value] : entry.xattrs) bytes += name.size() + value.size();
    if (bytes > max_xattr_bytes)
        return Error(ErrorKind::limit, "the attributes of " + printable(entry.name) +
                                           " are larger than " + human_size(max_xattr_bytes));
    return {};
}

}  // namespace

bool keeps_xattr(std::string_view name) {
    static constexpr std::array<std::string_view, 6> skipped = {
        "security.selinux", "security.ima",  "security.evm",
        "trusted.overlay.", "user.overlay.", "system."};
    return std::none_of(skipped.begin(), skipped.end(), [&](std::string_view prefix) {
        return name.substr(0, prefix.size()) == prefix;
    });
}

Result<std::string> clean_name(std::string_view name) {
    if (name.size() > max_name_bytes)
        return Error(ErrorKind::limit, "a name of " + std::to_string(name.size()) +
                                           " bytes is longer than " +
                                           std::to_string(max_name_bytes));
    if (name.find('\0') != std::string_view::npos)
        return refused("holds a zero byte", std::string(name));
    std::string cleaned;
    std::size_t depth = 0;
    for (std::string_view part : split(name, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") return refused("leads upwards", std::string(name));
        if (++depth > max_name_depth)
            return Error(ErrorKind::limit, "the name " + printable(name, 60) + " has more than " +
                                               std::to_string(max_name_depth) + " parts");
        if (!cleaned.empty()) cleaned += '/';
        cleaned += part;
    }
    return cleaned;
}

Result<int> LayerWriter::parent_directory(const std::string& path) {
    if (parent_ && path == parent_path_) return parent_.get();
    std::vector<std::string> made;
    OSIEKIT_ASSIGN(Fd opened, make_directories_in_root(root_, path, &made));
    OSIEKIT_TRY(note_implied(std::move(made)));
    parent_ = std::move(opened);
    parent_path_ = path;
    return parent_.get();
}

// `path` is clean.
Result<LayerWriter::Place> LayerWriter::place(const std::string& path) {
    std::size_t slash = path.rfind('/');
    std::string directory = slash == std::string::npos ? std::string() : path.substr(0, slash);
    OSIEKIT_ASSIGN(int parent, parent_directory(directory));
    return Place{parent, slash == std::string::npos ? path : path.substr(slash + 1), path};
}

Status LayerWriter::note_implied(std::vector<std::string> made) {
    for (std::string& path : made) {
        OSIEKIT_TRY(count_remembered(path));
        implied_.insert(std::move(path));
    }
    return {};
}

// The last of two entries with one name wins; only directories are merged.
Status LayerWriter::make_room(const Place& place) {
    struct stat status {};
    if (::fstatat(place.parent, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? Status() : failed("looking at", place.path);
    OSIEKIT_TRY(remove_tree_at(place.parent, place.name));
    return {};
}

Status LayerWriter::add_directory(const LayerEntry& entry, const Place& place) {
    Fd directory;
    if (place.name.empty()) {
        OSIEKIT_ASSIGN(directory, open_in_root(root_, "", O_RDONLY | O_DIRECTORY));
    } else {
        const char* name = place.name.c_str();
        struct stat status {};
        bool exists = ::fstatat(place.parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
        if (exists && !S_ISDIR(status.st_mode)) OSIEKIT_TRY(make_room(place));
        if (::mkdirat(place.parent, name, 0700) != 0 && errno != EEXIST)
            return failed("making the directory", entry.name);
        directory =
            Fd(::openat(place.parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!directory) return failed("opening the directory", entry.name);
    }
    OSIEKIT_ASSIGN(auto stated, path_in_root(root_, directory.get()));
    if (stated) implied_.erase(*stated);
    OSIEKIT_TRY(count_remembered(place.path));
    directory_times_.emplace_back(place.path, entry.modified);
    return set_attributes(entry, directory.get());
}

Status LayerWriter::add_hard_link(const LayerEntry& entry, const Place& place) {
    OSIEKIT_ASSIGN(std::string target, clean_name(entry.target));
    if (target.empty() || target == place.path) return refused("is a link to itself", entry.name);
    std::size_t slash = target.rfind('/');
    std::string directory = slash == std::string::npos ? std::string() : target.substr(0, slash);
    OSIEKIT_ASSIGN(Fd source, open_in_root(root_, directory, O_PATH | O_DIRECTORY));
    std::string name = slash == std::string::npos ? target : target.substr(slash + 1);
    struct stat status {};
    if (::fstatat(source.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return failed("linking " + printable(entry.name) + " to", entry.target);
    OSIEKIT_TRY(make_room(place));
    if (::linkat(source.get(), name.c_str(), place.parent, place.name.c_str(), 0) != 0)
        return failed("linking " + printable(entry.name) + " to", entry.target);
    return {};
}

Status LayerWriter::add_node(const LayerEntry& entry, const Place& place) {
    OSIEKIT_TRY(make_room(place));
    const char* name = place.name.c_str();
    if (entry.type == LayerEntry::Type::symlink) {
        if (::symlinkat(entry.target.c_str(), place.parent, name) != 0)
            return failed("making the link", entry.name);
    } else {
        bool device = entry.type != LayerEntry::Type::fifo;
        mode_t kind = entry.type == LayerEntry::Type::fifo        ? S_IFIFO
                      : entry.type == LayerEntry::Type::character ? S_IFCHR
                                                                  : S_IFBLK;
        // A 0:0 device is how overlayfs marks a deleted file; only whiteouts may make one.
        if (kind == S_IFCHR && entry.device == 0) return refused("is the device 0:0", entry.name);
        if (device) OSIEKIT_TRY(count_device(entry));
        if (::mknodat(place.parent, name, kind | 0600, device ? entry.device : 0) != 0)
            return failed("making the node", entry.name);
        // Just made by us in a directory nobody else enters, and never a link.
        if (::fchmodat(place.parent, name, entry.mode, 0) != 0)
            return failed("setting the mode of", entry.name);
    }
    if (::fchownat(place.parent, name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
        return failed("setting the owner of", entry.name);
    auto times = times_of(entry.modified);
    if (::utimensat(place.parent, name, times.data(), AT_SYMLINK_NOFOLLOW) != 0)
        return failed("setting the time of", entry.name);
    return {};
}

Status LayerWriter::count_device(const LayerEntry& entry) {
    if (++devices_ <= limits_.devices) return {};
    return Error(ErrorKind::limit, "the layer has more than " + std::to_string(limits_.devices) +
                                       " device nodes; " + printable(entry.name) +
                                       " is one too many");
}

Status LayerWriter::count_remembered(const std::string& path) {
    remembered_ += path.size() + 1;
    if (remembered_ <= limits_.remembered_bytes) return {};
    return Error(ErrorKind::limit,
                 "the names of the layer's directories and whiteouts are "
                 "together larger than " +
                     human_size(limits_.remembered_bytes));
}

Status LayerWriter::remember(std::vector<std::string>& list, std::string path) {
    OSIEKIT_TRY(count_remembered(path));
    list.push_back(std::move(path));
    return {};
}

// True: the entry was about lower layers, or about nothing.
Result<bool> LayerWriter::add_mark(const LayerEntry& entry, const std::string& path) {
    std::size_t slash = path.rfind('/');
    std::string directory = slash == std::string::npos ? std::string() : path.substr(0, slash);
    std::string_view name = path;
    if (slash != std::string::npos) name.remove_prefix(slash + 1);
    if (name.substr(0, whiteout_prefix.size()) != whiteout_prefix) return false;
    if (name == opaque_name) {
        OSIEKIT_TRY(remember(opaque_, directory));
        return true;
    }
    if (name.substr(0, metadata_prefix.size()) == metadata_prefix) return true;
    std::string hidden(name.substr(whiteout_prefix.size()));
    if (hidden.empty() || hidden == "." || hidden == "..")
        return refused("is not a whiteout of anything", entry.name);
    OSIEKIT_TRY(remember(whiteouts_, (directory.empty() ? "" : directory + "/") + hidden));
    return true;
}

Result<Fd> LayerWriter::add(const LayerEntry& entry) {
    OSIEKIT_TRY(check_sizes(entry));
    OSIEKIT_ASSIGN(std::string path, clean_name(entry.name));
    OSIEKIT_ASSIGN(bool mark, add_mark(entry, path));
    if (mark) return Fd();
    OSIEKIT_ASSIGN(Place where, place(path));
    if (where.name.empty() && entry.type != LayerEntry::Type::directory)
        return refused("would replace the root", entry.name);  // CVE-2021-29136
    switch (entry.type) {
        case LayerEntry::Type::directory:
            OSIEKIT_TRY(add_directory(entry, where));
            return Fd();
        case LayerEntry::Type::hard_link:
            OSIEKIT_TRY(add_hard_link(entry, where));
            return Fd();
        case LayerEntry::Type::regular: {
            OSIEKIT_TRY(make_room(where));
            Fd file(::openat(where.parent, where.name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
            if (!file) return failed("creating", entry.name);
            return file;
        }
        default:
            OSIEKIT_TRY(add_node(entry, where));
            return Fd();
    }
}

Status LayerWriter::close_file(const LayerEntry& entry, Fd file) {
    // Holes at the end count to the size.
    if (::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
        return failed("setting the size of", entry.name);
    OSIEKIT_TRY(set_attributes(entry, file.get()));
    auto times = times_of(entry.modified);
    if (::futimens(file.get(), times.data()) != 0) return failed("setting the time of", entry.name);
    return {};
}

// A directory that lower layers may have too. No descriptor: this layer has a file or a link in its
// place, which hides it as a whole (umoci writes "x" and "x/.wh.y" when x was a directory).
Result<Fd> LayerWriter::own_directory(const std::string& path) {
    constexpr int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    OSIEKIT_ASSIGN(Fd directory, open_in_root(root_, "", O_PATH | O_DIRECTORY));
    for (std::string_view part : split(path, '/')) {
        if (part.empty()) continue;
        std::string name(part);
        Fd next(::openat(directory.get(), name.c_str(), flags));
        if (!next && errno == ENOENT) {
            if (::mkdirat(directory.get(), name.c_str(), 0755) != 0)
                return failed("making the directory", path);
            next = Fd(::openat(directory.get(), name.c_str(), flags));
            if (!next) return failed("opening", path);
            OSIEKIT_ASSIGN(auto made, path_in_root(root_, next.get()));
            if (made) OSIEKIT_TRY(note_implied({*std::move(made)}));
        }
        if (!next && (errno == ENOTDIR || errno == ELOOP)) return Fd();
        if (!next) return failed("opening", path);
        directory = std::move(next);
    }
    return directory;
}

Status LayerWriter::make_opaque(const std::string& path) {
    OSIEKIT_ASSIGN(Fd place, own_directory(path));
    if (!place) return {};
    Fd directory(::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return failed("opening", path);
    if (::fsetxattr(directory.get(), "trusted.overlay.opaque", "y", 1, 0) != 0)
        return failed("marking as opaque", path);
    return {};
}

Status LayerWriter::apply_whiteout(const std::string& path) {
    std::size_t slash = path.rfind('/');
    std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    OSIEKIT_ASSIGN(Fd parent, own_directory(slash == std::string::npos ? std::string()
                                                                       : path.substr(0, slash)));
    if (!parent) return {};
    struct stat status {};
    if (::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        // This layer has the name too: only a directory would let the lower one shine through.
        return S_ISDIR(status.st_mode) ? make_opaque(path) : Status();
    if (::mknodat(parent.get(), name.c_str(), S_IFCHR, 0) != 0) return failed("hiding", path);
    return {};
}

Status LayerWriter::finish() {
    for (const std::string& path : whiteouts_) OSIEKIT_TRY(apply_whiteout(path));
    for (const std::string& path : opaque_) OSIEKIT_TRY(make_opaque(path));
    // Directories that were replaced later are not there any more, or others by now.
    for (const auto& [path, modified] : directory_times_) {
        auto directory = open_in_root(root_, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        auto times = times_of(modified);
        if (directory) ::futimens(directory->get(), times.data());
    }
    return {};
}

}  // namespace osiekit::oci
