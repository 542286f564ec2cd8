#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osiekit {

// Reads big-endian numbers and pieces from foreign bytes. Reading past the end sets failed() and
// gives zeros, so a parser may read a whole header and check once.
class ByteReader {
  public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::string_view take(std::size_t n) {
        if (n > rest_.size()) {
            failed_ = true;
            rest_ = {};
            return {};
        }
        std::string_view piece = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return piece;
    }
    std::string_view rest() const { return rest_; }
    bool failed() const { return failed_; }

  private:
    std::uint64_t number(std::size_t n) {
        std::uint64_t value = 0;
        for (char c : take(n)) value = value << 8U | static_cast<unsigned char>(c);
        return value;
    }
    std::string_view rest_;
    bool failed_ = false;
};

// Appends big-endian numbers to a string.
class ByteWriter {
  public:
    void u8(std::uint8_t value) { bytes_ += static_cast<char>(value); }
    void u16(std::uint16_t value) {
        u8(static_cast<std::uint8_t>(value >> 8U));
        u8(static_cast<std::uint8_t>(value));
    }
    void u32(std::uint32_t value) {
        u16(static_cast<std::uint16_t>(value >> 16U));
        u16(static_cast<std::uint16_t>(value));
    }
    void raw(std::string_view bytes) { bytes_ += bytes; }
    void zeros(std::size_t n) { bytes_.append(n, '\0'); }
    std::size_t size() const { return bytes_.size(); }
    std::string& bytes() { return bytes_; }

  private:
    std::string bytes_;
};

}  // namespace osiekit
