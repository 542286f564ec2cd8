#include <catch2/catch.hpp>

#include "lib/base/text.hpp"

using namespace osiekit;

TEST_CASE("splitting and trimming") {
    REQUIRE(trim("  a b \n") == "a b");
    REQUIRE(trim(" ").empty());
    REQUIRE(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    REQUIRE(split("", ',') == std::vector<std::string_view>{""});
    REQUIRE(split_words(" a \t b\n") == std::vector<std::string_view>{"a", "b"});
    REQUIRE(split_words("").empty());
    REQUIRE(join({"a", "b"}, ", ") == "a, b");
}

TEST_CASE("numbers and booleans are read whole or not at all") {
    REQUIRE(parse_u64("18446744073709551615") == UINT64_MAX);
    REQUIRE_FALSE(parse_u64("18446744073709551616"));
    REQUIRE_FALSE(parse_u64("-1"));
    REQUIRE_FALSE(parse_u64(""));
    REQUIRE_FALSE(parse_u64("1x"));
    REQUIRE(parse_bool("T") == true);
    REQUIRE(parse_bool("false") == false);
    REQUIRE_FALSE(parse_bool("yes"));
}

TEST_CASE("hexadecimal both ways") {
    REQUIRE(to_hex(std::string("\x00\xff", 2)) == "00ff");
    REQUIRE(from_hex("00FF") == std::string("\x00\xff", 2));
    REQUIRE_FALSE(from_hex("0"));
    REQUIRE_FALSE(from_hex("0g"));
}

TEST_CASE("sizes and foreign text for people") {
    REQUIRE(human_size(1023) == "1023 B");
    REQUIRE(human_size(1536) == "1.5 KiB");
    REQUIRE(human_size(20ULL << 20U) == "20.0 MiB");
    REQUIRE(printable("a\x1b[31m\n") == "a\\x1b[31m\\x0a");
    REQUIRE(printable("abcdef", 3) == "abc…");
    REQUIRE(nearest("pakages", {"kernel", "packages"}) == "packages");
    REQUIRE_FALSE(nearest("zzz", {"kernel", "packages"}));
}

TEST_CASE("text that is not UTF-8 is made so") {
    CHECK(as_utf8("a\u00e9\u20ac") == "a\u00e9\u20ac");
    CHECK(as_utf8("a\xff\xc3") == "a??");
    CHECK(as_utf8("\xed\xa0\x80") == "???");
    CHECK(as_utf8("\xc0\xaf\xf4\x90\x80\x80") == "??????");
}
