#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lib/base/result.hpp"

namespace osiekit::inflate {

// One entry of a decoding table, in 32 bits:
//   0–5    how many bits to consume: the code's and its extra bits
//   8–11   how many of these are the code's; of a link, how many bits index the second table
//   13     end of block, where `special` is set
//   14     link: the code is longer than the first table's index, where `special` is set
//   15     special: end of block, a link, or, with neither, a code that nothing has
//   16–30  the literal, the base of the length or of the distance, or where a second table begins
//   31     literal
namespace entry {
inline constexpr std::uint32_t kLiteral = 1U << 31U;
inline constexpr std::uint32_t kSpecial = 1U << 15U;
inline constexpr std::uint32_t kLink = 1U << 14U;
inline constexpr std::uint32_t kEndOfBlock = 1U << 13U;
constexpr unsigned bits(std::uint32_t entry) {
    return entry & 63U;
}
constexpr unsigned code_bits(std::uint32_t entry) {
    return (entry >> 8U) & 15U;
}
constexpr unsigned value(std::uint32_t entry) {
    return (entry >> 16U) & 0x7fffU;
}
}  // namespace entry

inline constexpr unsigned kMostCodeBits = 15;  // RFC 1951, 3.2.7
inline constexpr unsigned kLiteralIndexBits = 11;
inline constexpr unsigned kDistanceIndexBits = 9;
inline constexpr unsigned kLengthIndexBits = 7;
inline constexpr std::size_t kLiteralSymbols = 288;
inline constexpr std::size_t kDistanceSymbols = 32;
inline constexpr std::size_t kLengthSymbols = 19;

// A first table and, behind it, the second ones. The sizes are above the most that a complete code
// needs (2342 for 288 symbols and 11 bits, 594 for 32 and 9).
using LiteralTable = std::array<std::uint32_t, 2400>;
using DistanceTable = std::array<std::uint32_t, 640>;
using LengthTable = std::array<std::uint32_t, 1U << kLengthIndexBits>;

// What of the three alphabets a table is for.
enum class Alphabet { lengths, literals, distances };

// Builds the table of the canonical code (RFC 1951, 3.2.2) with these lengths, 0 to 15. As in zlib
// a code may not have more codes than bits allow, and may have fewer only if it is one code of one
// bit or none at all, which then nothing may use; with Alphabet::lengths not even so.
Status build_table(std::span<std::uint32_t> table, unsigned index_bits, Alphabet alphabet,
                   std::span<const std::uint8_t> lengths);

}  // namespace osiekit::inflate
