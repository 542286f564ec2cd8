#include <catch2/catch.hpp>

#include "tests/unit/inflate/support.hpp"

using namespace osiekit;
using namespace osiekit::inflate;
using namespace osiekit::inflate::test;

namespace {

std::string failure(const std::string& packed) {
    auto result = gunzip(packed);
    REQUIRE_FALSE(result);
    return result.error().message();
}

// A member of zlib's with fields in its header: FHCRC 2, FEXTRA 4, FNAME 8, FCOMMENT 16.
std::string with_fields(const std::string& content, unsigned flags, const std::string& fields) {
    auto packed = compress(content, Wrapping::gzip);
    packed[3] = static_cast<char>(flags);
    return packed.insert(10, fields);
}

}  // namespace

TEST_CASE("members one after another are one stream; what follows them is left alone") {
    auto first = prose(100000, 1);
    auto second = prose(20, 2);
    auto packed = compress(first, Wrapping::gzip) + compress("", Wrapping::gzip) +
                  compress(second, Wrapping::gzip);
    for (std::size_t size : {1U, 13U, 4096U})
        CHECK((gunzip(packed, size).value() == first + second));
    CHECK((gunzip(packed + std::string(1000, '\0')).value() == first + second));
    CHECK((gunzip(packed + "\x1f").value() == first + second));
    CHECK((gunzip(packed + "\x1f\x8b\x07 not DEFLATE").value() == first + second));
    CHECK(failure(packed + "\x1f\x8b\x08") == "the compressed stream ends in the middle");
    CHECK(failure("plain") == "this is not gzip");
    CHECK(failure("") == "this is not gzip");
    CHECK(looks_gzip(packed));
    CHECK_FALSE(looks_gzip(packed.substr(0, 2)));
}

TEST_CASE("fields of a header are skipped, up to a limit") {
    using namespace std::string_literals;
    CHECK(gunzip(with_fields("text", 8, "name.tar\0"s)).value() == "text");
    CHECK(gunzip(with_fields("text", 4 + 8 + 16 + 2, "\x03\0abcname\0comment\0xy"s)).value() ==
          "text");
    CHECK(failure(with_fields("text", 0x20, "")) == "a gzip header has flags that there are not");
    // Flags, time and its like take seven bytes, the end of the name one.
    std::string longest(GzipReader::kMostHeaderBytes - 8, 'n');
    CHECK(gunzip(with_fields("text", 8, longest + '\0')).value() == "text");
    auto too_long = gunzip(with_fields("text", 8, longest + "n\0"s));
    REQUIRE_FALSE(too_long);
    CHECK(too_long.error().kind() == ErrorKind::limit);
}

TEST_CASE("a member's length is checked") {
    auto packed = compress(prose(1000, 3), Wrapping::gzip);
    packed.back() = '\1';
    CHECK(failure(packed) == "a gzip member has another length than its trailer says");
}

TEST_CASE("a gzip stream that was cut anywhere is refused") {
    auto packed = with_fields(prose(1000, 4), 8, std::string("name\0", 5));
    for (std::size_t size = 0; size < packed.size(); ++size)
        REQUIRE_FALSE(gunzip(std::string_view(packed).substr(0, size), 64));
}
