#pragma once

#include <archive_entry.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/archive_handle.hpp"
#include "lib/oci/content_digest.hpp"
#include "lib/oci/inflater.hpp"
#include "lib/oci/layer_writer.hpp"

namespace osiekit::oci {

// Of one entry, with its PAX records, long names and map of holes: libarchive keeps them all in
// memory and has no limit of its own for the map.
inline constexpr std::uint64_t max_header_bytes = 4U << 20U;

// The archive's bytes on their way to the reader, hashed and counted.
class HashedBytes {
  public:
    HashedBytes(const ByteSource& source, ContentDigest::Algorithm algorithm)
        : source_(source), hash_(algorithm) {}
    // Empty at the end. A failure is final: the tar reader takes a broken end for an end and would
    // go on.
    Result<std::string_view> next();
    bool ended() const { return ended_; }
    std::uint64_t count() const { return count_; }
    // Of what has been given out. May be called once.
    ContentDigest digest() { return hash_.finish(); }

  private:
    const ByteSource& source_;
    ContentHash hash_;
    std::uint64_t count_ = 0;
    bool ended_ = false;
    std::optional<Error> failure_;
};

// Second stage of unpacking: entries out of the archive's bytes. An archive may end without its end
// mark, and within the padding after the last file's content, as `umoci insert` ends its layers
// (Go's reader takes both); content has to be whole.
class TarReader {
  public:
    explicit TarReader(HashedBytes& bytes) : bytes_(bytes), handle_(::archive_read_new()) {}

    Status open();
    // nullopt at the end. What is left of the entry before is skipped.
    Result<std::optional<LayerEntry>> next();
    // The content of a regular file, holes left out.
    Status copy_data(int fd);

  private:
    static la_ssize_t give(archive*, void* pointer, const void** buffer);
    Result<std::string_view> piece();
    std::string_view padding();
    Error failure(const std::string& what);

    HashedBytes& bytes_;
    std::optional<Error> error_;
    std::string_view rest_;  // of the last piece
    bool in_entry_ = false;
    bool in_header_ = false;
    std::uint64_t header_left_ = 0;
    bool padded_ = false;
    std::string padding_;
    ReadArchive handle_;
};

}  // namespace osiekit::oci
