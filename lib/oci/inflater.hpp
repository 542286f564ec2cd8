#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/archive_handle.hpp"
#include "lib/oci/content_digest.hpp"

namespace osiekit::oci {

// Gives the next piece of the compressed layer; an empty one is its end. The piece stays valid
// until the next call.
using ByteSource = std::function<Result<std::string_view>()>;

// First stage of unpacking: compressed bytes in (plain, gzip or zstd, told by content; several
// members or frames are one stream), the archive's bytes out, hashed and counted on the way. Only
// these filters of libarchive are enabled: each further parser is more to attack.
class Inflater {
  public:
    // `limit`: of the unpacked bytes; one more is an error (kind limit).
    Inflater(const ByteSource& source, std::uint64_t limit, ContentDigest::Algorithm algorithm);

    Status open();
    // The next piece of the archive, valid until the next call; may be empty before the end. A
    // failure is final: a tar reader takes a broken end for an end and would go on.
    Result<std::string_view> next();
    bool ended() const { return ended_; }
    std::uint64_t count() const { return count_; }
    // Of what has been given out. May be called once.
    ContentDigest digest() { return hash_.finish(); }

  private:
    Result<std::string_view> next_piece();
    static la_ssize_t give(archive*, void* pointer, const void** buffer);
    Error failure(const std::string& what);

    const ByteSource& source_;
    std::uint64_t limit_;
    std::uint64_t count_ = 0;
    bool ended_ = false;
    ContentHash hash_;
    std::optional<Error> failure_;
    std::optional<Error> source_error_;
    ReadArchive handle_;
};

}  // namespace osiekit::oci
