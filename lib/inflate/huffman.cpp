#include "lib/inflate/huffman.hpp"

#include <algorithm>

namespace osiekit::inflate {
namespace {

constexpr std::size_t kEndOfBlockSymbol = 256;

// RFC 1951, 3.2.5: base and number of extra bits of the length symbols from 257 on.
struct Range {
    std::uint16_t base;
    std::uint8_t extra;
};
constexpr std::array<Range, 29> kLengths{
    {{3, 0},  {4, 0},  {5, 0},  {6, 0},   {7, 0},   {8, 0},   {9, 0},   {10, 0},  {11, 1}, {13, 1},
     {15, 1}, {17, 1}, {19, 2}, {23, 2},  {27, 2},  {31, 2},  {35, 3},  {43, 3},  {51, 3}, {59, 3},
     {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}}};
constexpr std::array<Range, 30> kDistances{
    {{1, 0},     {2, 0},     {3, 0},     {4, 0},      {5, 1},      {7, 1},
     {9, 2},     {13, 2},    {17, 3},    {25, 3},     {33, 4},     {49, 4},
     {65, 5},    {97, 5},    {129, 6},   {193, 6},    {257, 7},    {385, 7},
     {513, 8},   {769, 8},   {1025, 9},  {1537, 9},   {2049, 10},  {3073, 10},
     {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}}};

std::uint32_t ranged(std::span<const Range> ranges, std::size_t symbol, unsigned length) {
    if (symbol >= ranges.size()) return entry::kSpecial;
    const Range& range = ranges[symbol];
    return std::uint32_t{range.base} << 16U | length << 8U | (length + range.extra);
}

// `length`: of what is left of the code behind the index of a link.
std::uint32_t make_entry(Alphabet alphabet, std::size_t symbol, unsigned length) {
    auto number = static_cast<std::uint32_t>(symbol);
    if (alphabet == Alphabet::distances) return ranged(kDistances, symbol, length);
    if (alphabet == Alphabet::lengths || symbol < kEndOfBlockSymbol)
        return entry::kLiteral | number << 16U | length << 8U | length;
    if (symbol == kEndOfBlockSymbol)
        return entry::kSpecial | entry::kEndOfBlock | length << 8U | length;
    return ranged(kLengths, symbol - kEndOfBlockSymbol - 1, length);
}

// The code of a symbol in the order in which its bits come.
std::uint32_t reversed(std::uint32_t code, unsigned length) {
    code = (code & 0x5555U) << 1U | (code >> 1U & 0x5555U);
    code = (code & 0x3333U) << 2U | (code >> 2U & 0x3333U);
    code = (code & 0x0f0fU) << 4U | (code >> 4U & 0x0f0fU);
    code = (code & 0x00ffU) << 8U | (code >> 8U & 0x00ffU);
    return code >> (16U - length);
}

struct Code {
    std::uint32_t bits;  // reversed
    std::uint16_t symbol;
    std::uint8_t length;
};

// Symbols in the order of their codes.
struct Codes {
    std::array<Code, kLiteralSymbols> list;
    std::size_t size = 0;
};

Result<Codes> assign(Alphabet alphabet, std::span<const std::uint8_t> lengths) {
    std::array<unsigned, kMostCodeBits + 1> counts{};
    for (auto length : lengths) ++counts[length];
    counts[0] = 0;
    int left = 1;
    unsigned longest = 0;
    Codes codes;
    std::array<std::uint32_t, kMostCodeBits + 2> next{};    // the next code of each length
    std::array<std::size_t, kMostCodeBits + 2> position{};  // and its place in the list
    for (unsigned length = 1; length <= kMostCodeBits; ++length) {
        left = left * 2 - static_cast<int>(counts[length]);
        if (left < 0)
            return Error(ErrorKind::invalid_input, "a prefix code has more codes than fit");
        if (counts[length] != 0) longest = length;
        next[length + 1] = (next[length] + counts[length]) << 1U;
        position[length + 1] = position[length] + counts[length];
    }
    if (left > 0 && (alphabet == Alphabet::lengths || longest > 1))
        return Error(ErrorKind::invalid_input, "a prefix code is incomplete");
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
        unsigned length = lengths[symbol];
        if (length == 0) continue;
        codes.list[position[length]++] = {reversed(next[length]++, length),
                                          static_cast<std::uint16_t>(symbol),
                                          static_cast<std::uint8_t>(length)};
        ++codes.size;
    }
    return codes;
}

// Reserves a second table for each first part of a code longer than the first table's index. Longer
// codes come later, so the last of those behind one link says how large its table is.
Status make_links(std::span<std::uint32_t> table, unsigned index_bits,
                  std::span<const Code> codes) {
    const std::size_t first_size = std::size_t{1} << index_bits;
    std::size_t end = first_size;
    for (auto code = codes.rbegin(); code != codes.rend() && code->length > index_bits; ++code) {
        std::uint32_t& link = table[code->bits & (first_size - 1)];
        if ((link & entry::kLink) != 0) continue;
        unsigned bits = code->length - index_bits;
        std::size_t size = std::size_t{1} << bits;
        if (end + size > table.size())
            return Error(ErrorKind::invalid_input, "a prefix code needs too large a table");
        link = entry::kSpecial | entry::kLink | static_cast<std::uint32_t>(end) << 16U |
               bits << 8U | index_bits;
        std::fill_n(table.begin() + static_cast<std::ptrdiff_t>(end), size, entry::kSpecial);
        end += size;
    }
    return {};
}

}  // namespace

Status build_table(std::span<std::uint32_t> table, unsigned index_bits, Alphabet alphabet,
                   std::span<const std::uint8_t> lengths) {
    OSIEKIT_ASSIGN(auto assigned, assign(alphabet, lengths));
    const std::size_t first_size = std::size_t{1} << index_bits;
    std::fill_n(table.begin(), first_size, entry::kSpecial);
    std::span<const Code> codes(assigned.list.data(), assigned.size);
    OSIEKIT_TRY(make_links(table, index_bits, codes));
    for (const auto& code : codes) {
        std::size_t begin = 0;
        std::size_t size = first_size;
        std::uint32_t bits = code.bits;
        unsigned length = code.length;
        if (length > index_bits) {
            std::uint32_t link = table[bits & (first_size - 1)];
            begin = entry::value(link);
            size = std::size_t{1} << entry::code_bits(link);
            bits >>= index_bits;
            length -= index_bits;
        }
        std::uint32_t made = make_entry(alphabet, code.symbol, length);
        for (std::size_t at = bits; at < size; at += std::size_t{1} << length)
            table[begin + at] = made;
    }
    return {};
}

}  // namespace osiekit::inflate
