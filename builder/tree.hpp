#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

using ByteSink = std::function<Status(std::string_view)>;

class LocalFile;

// The bytes of a file of the image, in memory or fetched when they are wanted. Copies are cheap and
// share the bytes; reading may be repeated and always gives the same.
class FileContent {
  public:
    using Reader = std::function<Status(const ByteSink&)>;

    FileContent() = default;  // an empty file
    static FileContent bytes(std::string content);
    // A file of the build machine, read piece by piece; what LocalFile says holds for all copies.
    // Errors: not_found, io, invalid_input (not a regular file).
    static Result<FileContent> file(const std::filesystem::path& path);
    static FileContent lazy(std::uint64_t size, Reader reader);
    // Known to be there, but not at hand: content of a segment that comes from the cache.
    static FileContent opaque(std::uint64_t size);

    std::uint64_t size() const { return size_; }
    bool at_hand() const { return size_ == 0 || reader_ != nullptr; }
    // Gives exactly size() bytes to the sink, or fails.
    Status read(const ByteSink& sink) const;
    Result<std::string> load() const;
    // Of all its bytes; a file of the build machine that was read already is not read again.
    Result<Sha256> digest() const;

  private:
    std::uint64_t size_ = 0;
    Reader reader_;
    std::shared_ptr<LocalFile> local_;
};

enum class EntryType { directory, file, symlink, character_device, block_device };
std::string_view to_string(EntryType type);
// The reverse; false if it is none of them.
bool parse_entry_type(std::string_view text, EntryType& type);

struct Entry {
    EntryType type = EntryType::file;
    std::uint32_t mode = 0644;  // permission bits only, 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string target;       // of a symlink
    FileContent content;      // of a file
    std::uint32_t major = 0;  // of a device
    std::uint32_t minor = 0;
    std::string origin;      // where it comes from, for messages: "package bash", "x.yaml:12"
    std::string link_group;  // files with the same one (not empty) are hard links of each other
    bool implied = false;    // a directory that nobody stated, but something below it needs

    static Entry directory(std::string origin, std::uint32_t mode = 0755);
    static Entry file(FileContent content, std::string origin, std::uint32_t mode = 0644);
    static Entry symlink(std::string target, std::string origin);
    static Entry device(std::uint32_t major, std::uint32_t minor, std::uint32_t mode,
                        std::string origin);
};

// What the kernel's unpacker takes (init/initramfs.c: names up to PATH_MAX with the NUL) and what
// its file systems take.
constexpr std::size_t longest_path = 4095;
constexpr std::size_t longest_path_part = 255;

// The path without a leading "/". Errors (invalid_input, limit): empty, "." or ".." or empty parts,
// control characters, too long, or the name that ends a cpio archive.
Result<std::string> checked_path(std::string_view path);

// Whether a symlink at `path` (no leading "/") climbs above the root by its "..". In the running
// system ".." ends at the root; one that goes further was made to reach outside of a folder in
// which somebody unpacks it.
bool leaves_root(std::string_view path, std::string_view target);

// A file tree in memory: path (without a leading "/") to entry, in the order of bytes, so that
// parents come before children. Directories that are missing above an entry are added as implied
// ones (0755, root).
class Tree {
  public:
    using Entries = std::map<std::string, Entry, std::less<>>;

    // Adds an entry. The same path twice is an error of kind invalid_input which names both
    // origins, unless both say the same (type, mode, owner and content); so is a path below
    // something that is no directory. A symlink that leaves the root is one of kind refused.
    Status add(std::string_view path, Entry entry);

    const Entries& entries() const { return entries_; }
    const Entry* find(std::string_view path) const;
    // Follows symlinks, also those of directories above, as the image's root would; null if there
    // is nothing or a loop.
    const Entry* resolve(std::string_view path) const;
    // The path (without a leading "/") of what resolve() gives. `link` is told of each symlink on
    // the way, whether it leads to something or not.
    std::optional<std::string> follow(
        std::string_view path, const std::function<void(const std::string&)>& link = nullptr) const;

  private:
    Status add_parents(const std::string& path, const std::string& origin);
    Entries entries_;
};

}  // namespace osiekit::builder
