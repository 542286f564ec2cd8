#include <catch2/catch.hpp>

#include "tests/unit/inflate/support.hpp"

using namespace osiekit;
using namespace osiekit::inflate;
using namespace osiekit::inflate::test;

namespace {

// Bits in the order of RFC 1951: numbers from their lowest bit, codes from their highest.
class BitWriter {
  public:
    BitWriter& number(unsigned value, unsigned bits) {
        for (unsigned i = 0; i < bits; ++i) put((value >> i) & 1U);
        return *this;
    }
    BitWriter& code(unsigned value, unsigned bits) {
        for (unsigned i = bits; i-- > 0;) put((value >> i) & 1U);
        return *this;
    }
    std::string bytes() const { return bytes_; }

  private:
    void put(unsigned bit) {
        if (used_ % 8 == 0) bytes_ += '\0';
        bytes_.back() =
            static_cast<char>(static_cast<unsigned char>(bytes_.back()) | bit << used_ % 8);
        ++used_;
    }
    std::string bytes_;
    unsigned used_ = 0;
};

BitWriter block(unsigned type) {
    return BitWriter().number(1, 1).number(type, 2);
}

// The fixed code's literal below 144, and its end of block.
BitWriter& literal(BitWriter& to, char value) {
    return to.code(0x30U + static_cast<unsigned>(value), 8);
}
BitWriter& end_of_block(BitWriter& to) {
    return to.code(0, 7);
}

std::string failure(const std::string& packed) {
    auto result = inflate_raw(packed);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind() == ErrorKind::invalid_input);
    return result.error().message();
}

}  // namespace

TEST_CASE("what zlib packs in any way is unpacked to the same, in pieces of any size") {
    std::vector<std::string> contents{"",
                                      "a",
                                      std::string(700000, 'x'),
                                      random_bytes(200000, 1),
                                      random_bytes(300000, 2, 3),
                                      prose(600000, 3),
                                      prose(98303, 4),
                                      prose(98304, 5),
                                      prose(131072, 6) + random_bytes(70000, 7)};
    for (const auto& content : contents)
        for (int level : {0, 1, 6, 9})
            for (int strategy : {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
                auto packed = compress(content, Wrapping::raw, level, strategy);
                auto result = inflate_raw(packed);
                REQUIRE(result);
                CHECK((*result == content));
            }
    auto packed = compress(contents[5], Wrapping::raw);
    for (std::size_t size : {1U, 2U, 7U, 511U, 512U, 513U, 65535U, 65536U, 65537U, 1U << 24U}) {
        auto result = inflate_raw(packed, size);
        REQUIRE(result);
        CHECK((*result == contents[5]));
    }
}

TEST_CASE("every short distance repeats as far as a match can reach") {
    for (std::size_t distance = 1; distance <= 40; ++distance) {
        std::string content = random_bytes(distance, static_cast<unsigned>(distance));
        while (content.size() < 3000) content += content[content.size() - distance];
        auto result = inflate_raw(compress(content, Wrapping::raw, 9));
        REQUIRE(result);
        CHECK((*result == content));
    }
}

TEST_CASE("a distance reaches back 32 KiB, and not before the beginning") {
    // Two bytes, then a match of length 3 (code 257: 0000001) at a distance of 2 or 3 (codes 1, 2).
    auto good = block(1);
    literal(literal(good, 'a'), 'b').code(1, 7).code(1, 5);
    CHECK(inflate_raw(end_of_block(good).bytes()).value() == "ababa");
    auto bad = block(1);
    literal(literal(bad, 'a'), 'b').code(1, 7).code(2, 5);
    CHECK(failure(end_of_block(bad).bytes()) ==
          "a distance reaches before the beginning, or has no code");

    std::string far = random_bytes(32768, 8) + "end";
    far += far.substr(3, 200);  // 32768 before
    auto packed = compress(far, Wrapping::raw, 9);
    CHECK((inflate_raw(packed).value() == far));
    for (unsigned symbol : {30U, 31U}) {
        auto unknown = block(1);
        literal(unknown, 'a').code(1, 7).code(symbol, 5);
        CHECK(failure(end_of_block(unknown).bytes()) ==
              "a distance reaches before the beginning, or has no code");
    }
    // A match of 258 bytes at 32768, by hand: code 285 is 11000101, distance code 29 has 13 extra
    // bits.
    std::string stored = random_bytes(32768, 9);
    BitWriter writer;
    writer.number(0, 1).number(0, 2).number(0, 5).number(32768, 16).number(32767, 16);
    auto behind = block(1);
    behind.code(0xc5, 8).code(29, 5).number(8191, 13);
    auto whole = inflate_raw(writer.bytes() + stored + end_of_block(behind).bytes());
    REQUIRE(whole);
    CHECK((*whole == stored + stored.substr(0, 258)));
}

TEST_CASE("damaged blocks are refused") {
    CHECK(failure(block(3).bytes()) == "a block is of a type that there is not");
    CHECK(failure(block(0).number(0, 5).number(4, 16).number(4, 16).bytes()) ==
          "the length of a stored block is damaged");
    CHECK(failure(block(2).number(30, 5).number(0, 5).number(0, 4).bytes()) ==
          "a block has more symbols than there are");
    CHECK(failure(block(2).number(0, 5).number(30, 5).number(0, 4).bytes()) ==
          "a block has more symbols than there are");
    auto lengths = [](std::initializer_list<unsigned> of) {
        auto writer = block(2);
        writer.number(0, 5).number(0, 5).number(15, 4);
        for (unsigned length : of) writer.number(length, 3);
        for (auto i = of.size(); i < 19; ++i) writer.number(0, 3);
        return writer;
    };
    // In the order 16, 17, 18, 0, 8, 7, ...
    CHECK(failure(lengths({1, 1, 1}).bytes()) == "a prefix code has more codes than fit");
    CHECK(failure(lengths({2, 2, 2}).bytes()) == "a prefix code is incomplete");
    CHECK(failure(lengths({0, 0, 0, 1}).bytes()) == "a prefix code is incomplete");
    auto codes = [] {
        auto writer = block(2);
        writer.number(0, 5).number(0, 5).number(15, 4);
        // Codes of one bit for the symbols 16 and 18.
        writer.number(1, 3).number(0, 3).number(1, 3);
        for (int i = 3; i < 19; ++i) writer.number(0, 3);
        return writer;
    };
    CHECK(failure(codes().code(0, 1).bytes()) == "a code length repeats none");
    auto zeros = [&](unsigned more) {
        return codes().code(1, 1).number(127, 7).code(1, 1).number(more, 7);
    };
    CHECK(failure(zeros(110).bytes()) == "a block has too many code lengths");
    CHECK(failure(zeros(109).bytes()) == "a block has no code for its end");
    auto unknown = block(1);
    CHECK(failure(literal(unknown, 'a').code(0xc6, 8).bytes()) ==
          "a literal or length has no code");
}

TEST_CASE("a stream that was cut anywhere is refused, and gives nothing that is not its own") {
    auto content = prose(3000, 10);
    for (int level : {0, 6}) {
        auto packed = compress(content, Wrapping::raw, level);
        for (std::size_t size = 0; size < packed.size(); ++size) {
            auto result = inflate_raw(std::string_view(packed).substr(0, size));
            INFO(size);
            REQUIRE_FALSE(result);
            CHECK(result.error().message() == "the compressed stream ends in the middle");
        }
    }
}

TEST_CASE("the input stands behind the stream's last byte") {
    auto content = prose(5000, 11);
    auto packed = compress(content, Wrapping::raw);
    std::string whole = packed + "the rest";
    for (std::size_t size : {1U, 4096U}) {
        ByteSource source = in_pieces(whole, size);
        BitInput input(source);
        Deflate deflate(input);
        deflate.begin();
        REQUIRE(read_all(deflate).value() == content);
        input.align();
        std::string rest;
        for (;;) {
            auto bytes = input.bytes().value();
            if (bytes.empty()) break;
            rest += bytes;
            input.skip(bytes.size());
        }
        CHECK(rest == "the rest");
    }
}

TEST_CASE("an error of the source is the decoder's") {
    auto packed = compress(random_bytes(20000, 12), Wrapping::raw);
    bool given = false;
    ByteSource source = [&]() -> Result<std::string_view> {
        if (given) return Error(ErrorKind::network, "the cable was pulled");
        given = true;
        return std::string_view(packed).substr(0, 9000);
    };
    BitInput input(source);
    Deflate deflate(input);
    deflate.begin();
    auto result = read_all(deflate);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind() == ErrorKind::network);
}
