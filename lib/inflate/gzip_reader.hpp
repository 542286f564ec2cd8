#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/inflate/bit_input.hpp"
#include "lib/inflate/deflate.hpp"

namespace osiekit::inflate {

// True if these first bytes (three are enough) are a gzip member's: its mark, and DEFLATE as the
// method (RFC 1952, 2.3.1).
bool looks_gzip(std::string_view begin);

// gzip (RFC 1952): members one after another are one stream. Whatever follows the last member and
// does not look like one is not read. The length in a member's trailer is checked; its CRC is not:
// who uses this compares a digest of the content.
class GzipReader {
  public:
    // Of the name, the comment and the extra field of one member together.
    static constexpr std::size_t kMostHeaderBytes = 128U << 10U;

    // The source has to live as long as the reader.
    explicit GzipReader(const ByteSource& source) : input_(source), deflate_(input_) {}
    GzipReader(const GzipReader&) = delete;
    GzipReader& operator=(const GzipReader&) = delete;

    // The next piece of the content, at most 129 KiB, valid until the next call; empty at the end.
    // Fails with kind invalid_input for damaged bytes, or as the source does; a failure is final.
    Result<std::string_view> next();

  private:
    enum class State { member, content, end };

    Result<bool> begin_member();
    Status skip_fields(unsigned flags);
    Status skip_text();
    Result<unsigned> byte();
    Status end_member();

    BitInput input_;
    Deflate deflate_;
    State state_ = State::member;
    bool first_ = true;
    std::size_t header_left_ = 0;
    std::uint32_t length_ = 0;
};

}  // namespace osiekit::inflate
