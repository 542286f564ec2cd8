#include "lib/inflate/deflate.hpp"

#include <algorithm>
#include <cstring>

namespace osiekit::inflate {
namespace {

constexpr std::size_t kReserve = 24;  // two refills of the inner loop, and a word behind them

Error damaged(const char* what) {
    return {ErrorKind::invalid_input, what};
}

// Copies in words where source and target are far enough apart, up to 15 bytes too many.
inline std::uint8_t* copy_match(std::uint8_t* out, unsigned length, unsigned distance) {
    const std::uint8_t* from = out - distance;
    std::uint8_t* const end = out + length;
    if (distance >= 16) {
        do {
            std::memcpy(out, from, 16);
            out += 16;
            from += 16;
        } while (out < end);
    } else if (distance == 1) {
        std::memset(out, *from, length);
    } else {
        if (distance < 8) {
            for (unsigned i = 0; i < 8; ++i) out[i] = from[i];
            // The same bytes again, as many whole distances away as make a word.
            unsigned far = distance * ((7 + distance) / distance);
            out += 8;
            from = out - far;
        }
        while (out < end) {
            std::memcpy(out, from, 8);
            out += 8;
            from += 8;
        }
    }
    return end;
}

// A length or a distance: the base and its extra bits.
inline unsigned take_ranged(BitCursor& at, std::uint32_t entry) {
    unsigned bits = entry::bits(entry);
    auto value =
        entry::value(entry) + static_cast<unsigned>(at.peek(bits) >> entry::code_bits(entry));
    at.consume(bits);
    return value;
}

// Where a link leads.
template <typename Table>
inline std::uint32_t follow(const Table& table, BitCursor& at, std::uint32_t link) {
    at.consume(entry::bits(link));
    return table[entry::value(link) + at.peek(entry::code_bits(link))];
}

inline void put(BitCursor& at, std::uint8_t*& out, std::uint32_t literal) {
    at.consume(entry::bits(literal));
    *out++ = static_cast<std::uint8_t>(literal >> 16U);
}

}  // namespace

Deflate::Deflate(BitInput& input)
    : input_(input),
      window_(kHistory + kBlock + kLongestMatch + kSlop),
      out_(window_.data()),
      limit_(window_.data() + kHistory + kBlock) {}

void Deflate::begin() {
    out_ = window_.data();
    state_ = State::header;
    last_ = false;
}

Result<std::string_view> Deflate::next() {
    if (full()) {
        std::memmove(window_.data(), out_ - kHistory, kHistory);
        out_ = window_.data() + kHistory;
    }
    std::uint8_t* begin = out_;
    Status done;
    while (done && !full() && state_ != State::end) done = step();
    // The zeros behind the end may have looked damaged.
    if (input_.overrun()) return damaged("the compressed stream ends in the middle");
    OSIEKIT_TRY(std::move(done));
    return std::string_view(reinterpret_cast<const char*>(begin),
                            static_cast<std::size_t>(out_ - begin));
}

Status Deflate::step() {
    if (state_ == State::header) return read_header();
    if (state_ == State::stored) return copy_stored();
    return decode_symbols();
}

Status Deflate::read_header() {
    OSIEKIT_TRY(input_.ensure(BitInput::kAhead));
    input_.at.refill();
    last_ = input_.at.take(1) != 0;
    unsigned type = input_.at.take(2);
    if (type == 3) return damaged("a block is of a type that there is not");
    if (type == 0) return read_stored_header();
    if (type == 1) {
        use_fixed_codes();
    } else {
        OSIEKIT_TRY(read_codes());
    }
    state_ = State::symbols;
    return {};
}

Status Deflate::read_stored_header() {
    input_.at.consume(input_.at.count % 8);
    std::uint32_t size = input_.at.take(16);
    if ((size ^ 0xffffU) != input_.at.take(16))
        return damaged("the length of a stored block is damaged");
    input_.align();
    stored_left_ = size;
    state_ = State::stored;
    return {};
}

void Deflate::use_fixed_codes() {
    // RFC 1951, 3.2.6
    std::array<std::uint8_t, kLiteralSymbols> literals{};
    std::fill(literals.begin(), literals.begin() + 144, std::uint8_t{8});
    std::fill(literals.begin() + 144, literals.begin() + 256, std::uint8_t{9});
    std::fill(literals.begin() + 256, literals.begin() + 280, std::uint8_t{7});
    std::fill(literals.begin() + 280, literals.end(), std::uint8_t{8});
    std::array<std::uint8_t, kDistanceSymbols> distances{};
    distances.fill(5);
    // Both are complete codes.
    (void)build_table(literals_, kLiteralIndexBits, Alphabet::literals, literals);
    (void)build_table(distances_, kDistanceIndexBits, Alphabet::distances, distances);
}

Status Deflate::read_codes() {
    constexpr std::array<std::uint8_t, kLengthSymbols> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                              11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::size_t literal_count = input_.at.take(5) + 257;
    std::size_t distance_count = input_.at.take(5) + 1;
    std::size_t length_count = input_.at.take(4) + 4;
    if (literal_count > 286 || distance_count > 30)
        return damaged("a block has more symbols than there are");
    std::array<std::uint8_t, kLengthSymbols> code_lengths{};
    for (std::size_t i = 0; i < length_count; ++i) {
        input_.at.refill();
        code_lengths[kOrder[i]] = static_cast<std::uint8_t>(input_.at.take(3));
    }
    LengthTable codes{};
    OSIEKIT_TRY(build_table(codes, kLengthIndexBits, Alphabet::lengths, code_lengths));
    std::array<std::uint8_t, kLiteralSymbols + kDistanceSymbols> lengths{};
    std::span<std::uint8_t> all(lengths.data(), literal_count + distance_count);
    OSIEKIT_TRY(read_lengths(all, codes));
    if (lengths[256] == 0) return damaged("a block has no code for its end");
    OSIEKIT_TRY(
        build_table(literals_, kLiteralIndexBits, Alphabet::literals, all.first(literal_count)));
    return build_table(distances_, kDistanceIndexBits, Alphabet::distances,
                       all.subspan(literal_count));
}

Status Deflate::read_lengths(std::span<std::uint8_t> lengths, const LengthTable& codes) {
    std::size_t at = 0;
    while (at < lengths.size()) {
        input_.at.refill();
        std::uint32_t entry = codes[input_.at.peek(kLengthIndexBits)];
        if ((entry & entry::kSpecial) != 0) return damaged("a code length has no code");
        input_.at.consume(entry::bits(entry));
        unsigned symbol = entry::value(entry);
        std::uint8_t length = 0;
        std::size_t times = 1;
        if (symbol < 16) {
            length = static_cast<std::uint8_t>(symbol);
        } else if (symbol == 16) {
            if (at == 0) return damaged("a code length repeats none");
            length = lengths[at - 1];
            times = 3 + input_.at.take(2);
        } else {
            times = symbol == 17 ? 3 + input_.at.take(3) : 11 + input_.at.take(7);
        }
        if (times > lengths.size() - at) return damaged("a block has too many code lengths");
        std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(at), times, length);
        at += times;
    }
    return {};
}

Status Deflate::copy_stored() {
    while (stored_left_ > 0 && !full()) {
        OSIEKIT_ASSIGN(auto bytes, input_.bytes());
        if (bytes.empty()) return damaged("the compressed stream ends in the middle");
        std::size_t some =
            std::min({bytes.size(), stored_left_, static_cast<std::size_t>(limit_ - out_)});
        std::memcpy(out_, bytes.data(), some);
        input_.skip(some);
        out_ += some;
        stored_left_ -= some;
    }
    if (stored_left_ == 0) end_block();
    return {};
}

Status Deflate::decode_symbols() {
    OSIEKIT_TRY(input_.ensure(kReserve));
    BitCursor at = input_.at;
    std::uint8_t* out = out_;
    const std::uint8_t* const in_limit = input_.end() - kReserve;
    const std::uint8_t* const begin = window_.data();
    const char* problem = nullptr;
    // A match takes at most 48 bits (15 and 5, 15 and 13), a literal of the first table 11.
    while (at.next <= in_limit && out < limit_) {
        at.refill();
        std::uint32_t symbol = literals_[at.peek(kLiteralIndexBits)];
        if ((symbol & entry::kLiteral) != 0) {
            put(at, out, symbol);
            symbol = literals_[at.peek(kLiteralIndexBits)];
            if ((symbol & entry::kLiteral) != 0) {
                put(at, out, symbol);
                symbol = literals_[at.peek(kLiteralIndexBits)];
                if ((symbol & entry::kLiteral) != 0) {
                    put(at, out, symbol);
                    continue;
                }
            }
            at.refill();
        }
        if ((symbol & entry::kSpecial) != 0) {
            if ((symbol & entry::kLink) != 0) symbol = follow(literals_, at, symbol);
            if ((symbol & entry::kLiteral) != 0) {
                put(at, out, symbol);
                continue;
            }
            if ((symbol & entry::kEndOfBlock) != 0) {
                at.consume(entry::bits(symbol));
                end_block();
                break;
            }
            if ((symbol & entry::kSpecial) != 0) {
                problem = "a literal or length has no code";
                break;
            }
        }
        unsigned length = take_ranged(at, symbol);
        symbol = distances_[at.peek(kDistanceIndexBits)];
        if ((symbol & entry::kLink) != 0) symbol = follow(distances_, at, symbol);
        unsigned distance = take_ranged(at, symbol);
        if ((symbol & entry::kSpecial) != 0 || distance > static_cast<std::size_t>(out - begin)) {
            problem = "a distance reaches before the beginning, or has no code";
            break;
        }
        out = copy_match(out, length, distance);
    }
    input_.at = at;
    out_ = out;
    return problem == nullptr ? Status() : damaged(problem);
}

}  // namespace osiekit::inflate
