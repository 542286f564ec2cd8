#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::inflate {

// Gives the next piece of a compressed stream; an empty one is its end. The piece stays valid until
// the next call.
using ByteSource = std::function<Result<std::string_view>()>;

// Where a decoder is: bits that were loaded, the lowest first (RFC 1951, 3.1.1), and the byte
// behind them. A value, so that an inner loop keeps it in registers.
struct BitCursor {
    std::uint64_t bits = 0;
    unsigned count =
        0;  // how many of the bits are valid; above them are those of the bytes at next
    const std::uint8_t* next = nullptr;

    // At least 56 valid bits. 8 bytes at next have to be readable.
    void refill() {
        std::uint64_t word = 0;
        std::memcpy(&word, next, sizeof word);
        bits |= word << count;
        next += (63U - count) >> 3U;
        count |= 56U;
    }
    std::uint64_t peek(unsigned some) const { return bits & ((1ULL << some) - 1); }
    void consume(unsigned some) {
        bits >>= some;
        count -= some;
    }
    std::uint32_t take(unsigned some) {
        auto value = static_cast<std::uint32_t>(peek(some));
        consume(some);
        return value;
    }
};

// The bytes of a source, one run of them at a time. Behind the end of the stream are zeros, so that
// a decoder need not look for the end before each bit; overrun() tells that it has read some.
class BitInput {
  public:
    // The most that ensure() is asked for: above what the header of a block takes (300 bytes,
    // RFC 1951, 3.2.7).
    static constexpr std::size_t kAhead = 512;

    explicit BitInput(const ByteSource& source)
        : source_(source), buffer_(kKept + kSize), end_(buffer_.data() + kKept) {
        at.next = end_;
    }

    BitCursor at;

    // Makes `bytes` (at most kAhead) readable at the cursor: of the stream, or zeros behind its
    // end. Fails as the source does, and for one who reads on behind the end.
    Status ensure(std::size_t bytes) {
        if (static_cast<std::size_t>(end_ - at.next) >= bytes) return {};
        return fill(bytes);
    }
    const std::uint8_t* end() const { return end_; }

    // Drops what is left of the current byte: the next bytes are whole ones.
    void align();
    // After align(): what is readable of the stream now; empty at its end.
    Result<std::string_view> bytes();
    void skip(std::size_t bytes) { at.next += bytes; }

    // True if bits behind the end of the stream were consumed.
    bool overrun() const { return ended_ && at.next - at.count / 8 > real_end_; }

  private:
    static constexpr std::size_t kKept = 8;  // loaded into the bits, but perhaps not consumed
    static constexpr std::size_t kSize = 64U << 10U;

    Status fill(std::size_t bytes);

    const ByteSource& source_;
    std::vector<std::uint8_t> buffer_;
    std::string_view piece_;
    const std::uint8_t* end_;
    const std::uint8_t* real_end_ = nullptr;  // of the stream, once it is in the buffer
    bool ended_ = false;
};

}  // namespace osiekit::inflate
