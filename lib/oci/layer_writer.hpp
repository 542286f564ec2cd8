#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::oci {

inline constexpr std::size_t max_name_bytes = 4000;  // below PATH_MAX, with room for a root
inline constexpr std::size_t max_name_depth = 256;   // directories in one name, itself included
inline constexpr std::size_t max_xattrs = 128;       // of one entry
inline constexpr std::size_t max_xattr_bytes = 64U << 10U;  // of one entry, names and values
// What a file may say its size is, holes included: programs that copy it have to live with them.
inline constexpr std::uint64_t max_file_bytes = 1ULL << 40U;
// A base system's /dev has a few dozen.
inline constexpr std::uint64_t max_device_nodes = 1024;
// Names that are kept until the end of a layer: of directories, for their times, and of whiteouts.
inline constexpr std::uint64_t max_remembered_bytes = 32U << 20U;

// Limits of one layer that have to be counted.
struct WriterLimits {
    std::uint64_t devices = max_device_nodes;
    std::uint64_t remembered_bytes = max_remembered_bytes;
};

// One entry of a layer, as its archive describes it.
struct LayerEntry {
    enum class Type { regular, directory, symlink, hard_link, character, block, fifo };
    Type type = Type::regular;
    std::string name;    // as in the archive
    std::string target;  // of a link
    mode_t mode = 0;     // permission bits with setuid, setgid, sticky
    uid_t uid = 0;
    gid_t gid = 0;
    timespec modified{};
    dev_t device = 0;
    std::uint64_t size = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;
};

// Writes the entries of one layer below a directory, in the form that overlayfs stacks: a whiteout
// becomes a 0:0 character device, an opaque directory gets trusted.overlay.opaque. Whiteouts hide
// lower layers only, whatever their place in the archive (image-spec, "Whiteouts"), so they are
// applied by finish(). Every name is resolved inside the root; `..` is refused.
class LayerWriter {
  public:
    explicit LayerWriter(int root_fd, const WriterLimits& limits = {})
        : root_(root_fd), limits_(limits) {}

    // Creates the entry. For a regular file the descriptor to write its content to is returned;
    // call close_file() afterwards. Otherwise (and for whiteouts) an empty one.
    Result<Fd> add(const LayerEntry& entry);
    // Sets what must be set after the content: owner, mode, xattrs, times, in the order that keeps
    // setuid bits and capabilities.
    Status close_file(const LayerEntry& entry, Fd file);
    // Whiteouts, then the times of directories.
    Status finish();
    // After that: the directories that the layer has no entry for, "" for its root.
    std::vector<std::string> implied() const { return {implied_.begin(), implied_.end()}; }

  private:
    struct Place {
        int parent = -1;   // borrowed from parent_
        std::string name;  // last component; empty for the root
        std::string path;  // cleaned
    };
    Result<Place> place(const std::string& path);
    Result<int> parent_directory(const std::string& path);
    Status add_directory(const LayerEntry& entry, const Place& place);
    Status add_hard_link(const LayerEntry& entry, const Place& place);
    Status add_node(const LayerEntry& entry, const Place& place);
    Status make_room(const Place& place);
    Result<bool> add_mark(const LayerEntry& entry, const std::string& path);
    Result<Fd> own_directory(const std::string& path);
    Status count_device(const LayerEntry& entry);
    Status remember(std::vector<std::string>& list, std::string path);
    Status count_remembered(const std::string& path);
    Status apply_whiteout(const std::string& path);
    Status make_opaque(const std::string& path);
    Status note_implied(std::vector<std::string> made);

    int root_;
    WriterLimits limits_;
    std::uint64_t devices_ = 0;
    std::uint64_t remembered_ = 0;
    std::string parent_path_;
    Fd parent_;  // the directory last worked in
    std::set<std::string> implied_{""};
    std::vector<std::string> whiteouts_;
    std::vector<std::string> opaque_;
    std::vector<std::pair<std::string, timespec>> directory_times_;
};

// Removes "./", leading and doubled slashes. Errors: "..", too long, too deep, a zero byte.
Result<std::string> clean_name(std::string_view name);

// Whether an extended attribute of a layer is written: labels of the machine that made the image
// and overlayfs's own marks are not.
bool keeps_xattr(std::string_view name);

}  // namespace osiekit::oci
