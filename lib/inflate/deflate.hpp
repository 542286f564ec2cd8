#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/inflate/bit_input.hpp"
#include "lib/inflate/huffman.hpp"

namespace osiekit::inflate {

// The blocks of DEFLATE streams (RFC 1951) from a BitInput, one stream after another. What comes
// out is in the decoder's own window, a piece at a time.
class Deflate {
  public:
    explicit Deflate(BitInput& input);

    // Begins a stream: nothing before it can be referred to.
    void begin();
    // The next piece, valid until the next call; empty at the stream's end, where the input stands
    // behind its last bit. Fails with kind invalid_input, or as the input's source does.
    Result<std::string_view> next();

  private:
    static constexpr std::size_t kHistory = 32U << 10U;  // RFC 1951, 2
    static constexpr std::size_t kBlock = 96U << 10U;
    static constexpr std::size_t kLongestMatch = 258;
    static constexpr std::size_t kSlop = 32;  // what copying in whole words writes too much
    enum class State { header, stored, symbols, end };

    Status step();
    Status read_header();
    Status read_stored_header();
    Status read_codes();
    Status read_lengths(std::span<std::uint8_t> lengths, const LengthTable& codes);
    void use_fixed_codes();
    Status copy_stored();
    Status decode_symbols();
    bool full() const { return out_ >= limit_; }
    void end_block() { state_ = last_ ? State::end : State::header; }

    BitInput& input_;
    std::vector<std::uint8_t> window_;
    std::uint8_t* out_;
    std::uint8_t* limit_;
    State state_ = State::end;
    bool last_ = false;
    std::size_t stored_left_ = 0;
    LiteralTable literals_{};
    DistanceTable distances_{};
};

}  // namespace osiekit::inflate
