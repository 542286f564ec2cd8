#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// One entry of a newc archive, as its header says it.
struct CpioEntry {
    std::string_view path;
    std::uint32_t inode = 0;
    std::uint32_t file_major = 0;  // with these two a hard link's file is told from another's
    std::uint32_t file_minor = 0;
    std::uint32_t mode = 0;  // with the file type, as st_mode
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t links = 0;
    std::uint32_t mtime = 0;
    std::uint32_t device_major = 0;  // of a device node
    std::uint32_t device_minor = 0;
    std::string_view content;  // a view into the archive; of a symlink its target
};

// Reads a newc archive (magic 070701, or 070702 with checksums of regular files) entry by entry.
// Every number is checked against the bytes at hand before it is used. It takes what the kernel's
// unpacker takes; names are returned as they are and may be hostile.
class CpioReader {
  public:
    explicit CpioReader(std::string_view archive) : archive_(archive) {}

    // The next entry, nullopt after the end mark. Errors: invalid_input with the offset.
    Result<std::optional<CpioEntry>> next();
    // Nothing is left. The kernel does not miss the end mark between two entries.
    bool at_end() const { return offset_ == archive_.size(); }
    // After the end mark: skips NULs; whether another archive follows, which next() then reads.
    // Errors: invalid_input (something else follows).
    Result<bool> resume();
    // Bytes read so far; after the end mark including the padding to four bytes that is there.
    std::size_t offset() const { return offset_; }

  private:
    Error bad(const std::string& why) const;
    Result<std::string_view> take(std::size_t size);
    void skip_padding();

    std::string_view archive_;
    std::size_t offset_ = 0;
    bool finished_ = false;
};

}  // namespace osiekit::builder
