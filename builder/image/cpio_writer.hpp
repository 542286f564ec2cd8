#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A file of 4 GiB or more has no place in the 32 bits of a newc header.
constexpr std::uint64_t largest_cpio_file = 0xffffffffULL;

// Writes a cpio archive in the "newc" format, as the kernel's unpacker reads it
// (Documentation/driver-api/early-userspace/buffer-format). Nothing of the present time or machine
// enters it: inode numbers count from 1 in the order of the entries, device numbers are 0, every
// modification time is `mtime`.
class CpioWriter {
  public:
    // `sink` gets the bytes piece by piece.
    CpioWriter(ByteSink sink, std::uint32_t mtime) : sink_(std::move(sink)), mtime_(mtime) {}

    // Entries must come parents first. `links` is how many entries of this archive are in the
    // entry's link_group; the first of a group carries the bytes. Errors: limit (too large), or
    // what the sink or the content returns.
    Status add(const std::string& path, const Entry& entry, std::uint32_t links = 1);
    // Writes the end mark and pads to a multiple of four bytes.
    Status finish();

    std::uint64_t size() const { return offset_; }

  private:
    Status header(std::string_view path, const Entry& entry, std::uint32_t inode,
                  std::uint32_t links, std::uint64_t size);
    Status put(std::string_view bytes);
    Status pad();

    ByteSink sink_;
    std::uint32_t mtime_;
    std::uint32_t next_inode_ = 1;
    std::uint64_t offset_ = 0;
    std::map<std::string, std::uint32_t, std::less<>> inode_of_group_;
};

// Writes all entries of a tree, then `last` (a path of the tree, may be empty) as the last one.
Status write_cpio(const Tree::Entries& entries, std::uint32_t mtime, std::string_view last,
                  const ByteSink& sink);

}  // namespace osiekit::builder
