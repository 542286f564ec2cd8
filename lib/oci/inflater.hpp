#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/archive_handle.hpp"

namespace osiekit::oci {

// Gives the next piece of the compressed layer; an empty one is its end. The piece stays valid
// until the next call.
using ByteSource = std::function<Result<std::string_view>()>;

// Reads what is left: bytes behind the last gzip member belong to the blob.
Status drain(const ByteSource& source);

// What the layers of one image may unpack to together. Safe to be used by several threads at once.
class ByteBudget {
  public:
    explicit ByteBudget(std::uint64_t bytes) : total_(bytes), left_(bytes) {}
    bool take(std::uint64_t bytes);
    std::uint64_t total() const { return total_; }

  private:
    std::uint64_t total_;
    std::atomic<std::uint64_t> left_;
};

// First stage of unpacking: compressed bytes in (plain, gzip or zstd, told by content; several
// members or frames are one stream), the archive's bytes out. Only these filters of libarchive are
// enabled: each further parser is more to attack.
class Inflater {
  public:
    // `limit`: of the unpacked bytes; one more is an error (kind limit), and so is a byte beyond
    // the budget (null: there is none).
    Inflater(const ByteSource& source, std::uint64_t limit, ByteBudget* budget);

    // The next piece of the archive, valid until the next call; empty at the end. A failure is
    // final.
    Result<std::string_view> next();

  private:
    Status open();
    Result<std::string_view> next_piece();
    Status count(std::size_t size);
    static la_ssize_t give(archive*, void* pointer, const void** buffer);
    Error failure(const std::string& what);

    const ByteSource& source_;
    std::uint64_t limit_;
    ByteBudget* budget_;
    std::uint64_t count_ = 0;
    bool opened_ = false;
    bool ended_ = false;
    std::optional<Error> failure_;
    std::optional<Error> source_error_;
    ReadArchive handle_;
};

}  // namespace osiekit::oci
