#include "builder/image/lzo_reader.hpp"

#include <zlib.h>

#include <cstdint>

namespace osiekit::builder {

namespace {

constexpr std::string_view magic("\x89LZO\0\r\n\x1a\n", 9);
constexpr std::uint32_t has_levels = 0x0940;  // versions from here on say level and 64-bit time
constexpr std::uint32_t has_filter = 0x800;   // flag: four bytes about a filter follow
// Flags that say which checksums a block has; the kernel takes one of the content for granted.
constexpr std::uint32_t all_checksums = 0x303;
constexpr std::uint32_t adler_of_content = 0x001;
constexpr std::uint32_t crc_of_content = 0x100;

Error broken(const char* why) {
    return Error(ErrorKind::invalid_input, std::string("the lzo data ") + why);
}

// Reads big-endian numbers from the front of some bytes; past their end everything is 0 and
// `short`.
class Numbers {
  public:
    explicit Numbers(std::string_view bytes) : bytes_(bytes) {}
    std::uint32_t next(std::size_t size) {
        std::uint32_t value = 0;
        for (char c : take(size)) value = value << 8U | static_cast<unsigned char>(c);
        return value;
    }
    std::string_view take(std::size_t size) {
        if (size > bytes_.size() - at_) {
            cut_short_ = true;
            at_ = bytes_.size();
            return {};
        }
        at_ += size;
        return bytes_.substr(at_ - size, size);
    }
    bool cut_short() const { return cut_short_; }
    std::size_t at() const { return at_; }

  private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    bool cut_short_ = false;
};

// What is read and written of one block; every step says whether it stayed within both.
class Block {
  public:
    Block(std::string_view bytes, std::size_t size, std::string& into)
        : bytes_(bytes), size_(size), into_(into), start_(into.size()) {}

    bool run() {
        if (bytes_.empty()) return false;
        // The first byte may stand for a run of literals that needs no instruction.
        if (byte(0) > first_run) {
            std::size_t count = byte(0) - first_run;
            ++at_;
            if (!literals(count)) return false;
            state_ = count < 4 ? count : after_run;
        }
        for (;;) {
            std::size_t instruction = 0;
            if (!next(instruction)) return false;
            bool ended = false;
            bool fits = instruction >= 64   ? short_match(instruction)
                        : instruction >= 32 ? near_match(instruction)
                        : instruction >= 16 ? far_match(instruction, ended)
                                            : small(instruction);
            if (!fits) return false;
            if (ended) return at_ == bytes_.size() && into_.size() - start_ == size_;
        }
    }

  private:
    static constexpr std::size_t first_run = 17;
    static constexpr std::size_t after_run = 4;  // of state_: a run of literals came before

    std::size_t byte(std::size_t at) const { return static_cast<unsigned char>(bytes_[at]); }
    bool next(std::size_t& value) {
        if (at_ == bytes_.size()) return false;
        value = byte(at_++);
        return true;
    }
    // A length that does not fit its bits: each further 0 is 255 more.
    bool length(std::size_t bits, std::size_t& value) {
        if (value != 0) return true;
        value = bits;
        std::size_t more = 0;
        do {
            if (!next(more) || value > size_) return false;
            value += more == 0 ? 255 : more;
        } while (more == 0);
        return true;
    }
    bool literals(std::size_t count) {
        if (count > bytes_.size() - at_ || count > size_ - (into_.size() - start_)) return false;
        into_.append(bytes_.substr(at_, count));
        at_ += count;
        return true;
    }
    bool match(std::size_t distance, std::size_t count, std::size_t then) {
        std::size_t made = into_.size() - start_;
        if (distance > made || count > size_ - made) return false;
        // May overlap what it writes.
        for (std::size_t i = 0; i < count; ++i) into_ += into_[into_.size() - distance];
        state_ = then;
        return literals(then);
    }
    bool small(std::size_t instruction) {
        if (state_ == 0) {
            std::size_t count = instruction;
            if (!length(15, count)) return false;
            state_ = after_run;
            return literals(count + 3);
        }
        std::size_t high = 0;
        if (!next(high)) return false;
        std::size_t distance = (high << 2U) + (instruction >> 2U) + 1;
        return state_ == after_run ? match(distance + 2048, 3, instruction & 3U)
                                   : match(distance, 2, instruction & 3U);
    }
    bool two_bytes(std::size_t& value) {
        std::size_t low = 0;
        std::size_t high = 0;
        if (!next(low) || !next(high)) return false;
        value = high << 8U | low;
        return true;
    }
    bool far_match(std::size_t instruction, bool& ended) {
        std::size_t count = instruction & 7U;
        std::size_t word = 0;
        if (!length(7, count) || !two_bytes(word)) return false;
        std::size_t distance = ((instruction & 8U) << 11U) + (word >> 2U);
        ended = distance == 0;
        if (ended) return true;
        return match(distance + 16384, count + 2, word & 3U);
    }
    bool near_match(std::size_t instruction) {
        std::size_t count = instruction & 31U;
        std::size_t word = 0;
        if (!length(31, count) || !two_bytes(word)) return false;
        return match((word >> 2U) + 1, count + 2, word & 3U);
    }
    bool short_match(std::size_t instruction) {
        std::size_t high = 0;
        if (!next(high)) return false;
        bool longer = instruction >= 128;
        std::size_t count = longer ? 5 + (instruction >> 5U & 3U) : 3 + (instruction >> 5U & 1U);
        std::size_t distance = (high << 3U) + (instruction >> 2U & 7U) + 1;
        return match(distance, count, instruction & 3U);
    }

    std::string_view bytes_;
    std::size_t size_;
    std::string& into_;
    std::size_t start_;
    std::size_t at_ = 0;
    std::size_t state_ = 0;  // literals behind the last match, or after_run
};

std::uint32_t checksum_of(std::string_view bytes, bool crc) {
    auto* data = reinterpret_cast<const Bytef*>(bytes.data());
    auto size = static_cast<uInt>(bytes.size());  // at most a block
    return static_cast<std::uint32_t>(crc ? ::crc32(::crc32(0, nullptr, 0), data, size)
                                          : ::adler32(::adler32(0, nullptr, 0), data, size));
}

}  // namespace

bool unpack_lzo1x(std::string_view bytes, std::size_t size, std::string& into) {
    return Block(bytes, size, into).run();
}

Result<LzoPiece> read_lzop(std::string_view bytes, std::uint64_t limit) {
    Numbers numbers(bytes);
    if (numbers.take(magic.size()) != magic) return broken("has no usable header");
    std::uint32_t version = numbers.next(2);
    numbers.take(5);  // the library's version, the version needed, the method
    if (version >= has_levels) numbers.take(1);
    std::uint32_t flags = numbers.next(4);
    std::uint32_t checksums = flags & all_checksums;
    if (!numbers.cut_short() && checksums != adler_of_content && checksums != crc_of_content)
        return Error(ErrorKind::unsupported,
                     "the lzo data has not one checksum a block, as the kernel expects")
            .hint("compress it with lzop -9 and no option about checksums but --crc32");
    if ((flags & has_filter) != 0) numbers.take(4);
    numbers.take(version >= has_levels ? 12 : 8);  // mode and time
    numbers.take(numbers.next(1));                 // a file name
    numbers.take(4);                               // checksum of the header
    LzoPiece piece;
    while (!numbers.cut_short()) {
        std::uint32_t size = numbers.next(4);
        if (numbers.cut_short()) break;
        if (size == 0) {
            piece.compressed_size = numbers.at();
            return piece;
        }
        std::uint32_t packed = numbers.next(4);
        std::uint32_t checksum = numbers.next(4);
        std::string_view block = numbers.take(packed);
        if (numbers.cut_short()) break;
        if (size > lzo_block_size || packed == 0 || packed > size)
            return broken("has a block of a size that cannot be");
        if (size > limit - piece.content.size())
            return Error(ErrorKind::limit,
                         "the lzo data unpacks to more than " + std::to_string(limit) + " bytes");
        std::size_t before = piece.content.size();
        if (packed == size)
            piece.content += block;
        else if (!unpack_lzo1x(block, size, piece.content))
            return broken("is damaged");
        std::string_view made = std::string_view(piece.content).substr(before);
        if (checksum_of(made, checksums == crc_of_content) != checksum)
            return broken("has another checksum than its content");
    }
    return broken("is cut short");
}

}  // namespace osiekit::builder
