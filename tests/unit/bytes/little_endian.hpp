#pragma once

#include <cstdint>
#include <string>

namespace osiekit::test {

// Appends the number's lowest `size` bytes, the lowest first: for files that a test makes.
inline void put(std::string& bytes, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i, value >>= 8U) bytes += static_cast<char>(value);
}

}  // namespace osiekit::test
