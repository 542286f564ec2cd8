#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/inflate/gzip_reader.hpp"
#include "lib/oci/archive_handle.hpp"

namespace osiekit::oci {

// Gives the pieces of the compressed layer.
using inflate::ByteSource;

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
// members or frames are one stream), the archive's bytes out. gzip is lib/inflate's, the others are
// libarchive's with only the filter for zstd enabled: each further parser is more to attack.
class Inflater {
  public:
    // `limit`: of the unpacked bytes; one more is an error (kind limit), and so is a byte beyond
    // the budget (null: there is none).
    Inflater(const ByteSource& source, std::uint64_t limit, ByteBudget* budget);
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    // The next piece of the archive, valid until the next call; empty at the end. A failure is
    // final.
    Result<std::string_view> next();

  private:
    Status open();
    Status open_archive();
    Result<std::string_view> next_piece();
    Result<std::string_view> next_of_archive();
    Result<std::string_view> compressed();
    Status count(std::size_t size);
    static la_ssize_t give(archive*, void* pointer, const void** buffer);
    Error failure(const std::string& what);

    const ByteSource& source_;
    std::string begin_;  // what was read to tell what the layer is, until it is read again
    std::string taken_;
    ByteSource compressed_ = [this] { return compressed(); };
    std::uint64_t limit_;
    ByteBudget* budget_;
    std::uint64_t count_ = 0;
    bool opened_ = false;
    bool ended_ = false;
    std::optional<Error> failure_;
    std::optional<Error> source_error_;
    std::optional<inflate::GzipReader> gzip_;
    ReadArchive handle_;
};

}  // namespace osiekit::oci
