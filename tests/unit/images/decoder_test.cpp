#include "images/image2disk/decoder.hpp"

#include "tests/unit/images/tools.hpp"

using namespace osiekit;
using namespace osiekit::images::test;

namespace {

// Feeds in pieces of `size`; the result is what came out, or the error.
Result<std::string> decode(const std::string& bytes, std::size_t size) {
    auto decoder = make_detecting_decoder();
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += size)
        OSIEKIT_TRY(decoder->feed(std::string_view(bytes).substr(at, size),
                                  [&](std::string_view piece) -> Status {
                                      out += piece;
                                      return {};
                                  }));
    OSIEKIT_TRY(decoder->finish());
    return out;
}

}  // namespace

TEST_CASE("each format is recognised and unpacked, in pieces of any size") {
    std::string bytes = image_bytes(3U << 20U);
    for (Format format : formats) {
        INFO(to_string(format));
        std::string packed = compressed(bytes, format);
        CHECK(recognise(packed) == format);
        for (std::size_t size : {std::size_t{1009}, std::size_t{65536}, packed.size()}) {
            auto out = decode(packed, size);
            REQUIRE(out);
            CHECK((*out == bytes));
        }
    }
    std::string small = "tiny";
    for (Format format : formats) CHECK(decode(compressed(small, format), 1).value() == small);
}

TEST_CASE("several members one after another, and zeros after the last") {
    for (Format format : formats) {
        INFO(to_string(format));
        std::string two = compressed("first ", format) + compressed("second", format);
        CHECK(decode(two, 7).value() == "first second");
        CHECK(decode(two + std::string(512, '\0'), 7).value() == "first second");
        CHECK(!decode(two + "rubbish", 7));
    }
}

TEST_CASE("a cut stream is a failure wherever it is cut") {
    std::string bytes = image_bytes(100000);
    for (Format format : formats) {
        std::string packed = compressed(bytes, format);
        for (std::size_t keep : {std::size_t{0}, std::size_t{3}, std::size_t{10}, packed.size() / 2,
                                 packed.size() - 1}) {
            INFO(to_string(format) << " cut at " << keep << " of " << packed.size());
            auto out = decode(packed.substr(0, keep), 4096);
            REQUIRE(!out);
            CHECK(out.error().kind() == ErrorKind::invalid_input);
        }
    }
}

TEST_CASE("a changed byte is noticed") {
    std::string bytes = image_bytes(100000);
    for (Format format : formats) {
        if (format == Format::zstd)
            continue;  // its checksum is optional and off in this tool's pipe
        std::string packed = compressed(bytes, format);
        packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
        INFO(to_string(format));
        CHECK(!decode(packed, 4096));
    }
}

TEST_CASE("what is not compressed is refused with advice") {
    auto out = decode(image_bytes(1000), 100);
    REQUIRE(!out);
    CHECK(out.error().hint().find("COMPRESSED") != std::string::npos);
    CHECK(recognise("") == Format::unknown);
    CHECK(recognise("\x1f") == Format::unknown);
}

TEST_CASE("an error of the sink stops the decoder") {
    for (Format format : formats) {
        auto decoder = make_decoder(format);
        auto done = decoder->feed(compressed("text", format), [](std::string_view piece) -> Status {
            if (piece.empty()) return {};
            return Error(ErrorKind::limit, "full");
        });
        REQUIRE(!done);
        CHECK(done.error().kind() == ErrorKind::limit);
    }
}
