#include "lib/dhcp/values.hpp"

#include <catch2/catch.hpp>

#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::dhcp;

TEST_CASE("Classless routes are read and written") {
    std::string bytes = *from_hex("000a000001180a1102ac10000120c0a8000100000000");
    auto routes = parse_routes(bytes);
    REQUIRE(routes);
    REQUIRE(routes->size() == 3);
    CHECK((*routes)[0] == Route{Ipv4(), 0, Ipv4(10, 0, 0, 1)});
    CHECK((*routes)[1] == Route{Ipv4(10, 17, 2, 0), 24, Ipv4(172, 16, 0, 1)});
    CHECK((*routes)[2] == Route{Ipv4(192, 168, 0, 1), 32, Ipv4()});
    CHECK(to_hex(encode_routes(*routes)) == to_hex(bytes));
    CHECK_FALSE(parse_routes(*from_hex("210a0000010a000001")));
    CHECK_FALSE(parse_routes(*from_hex("180a11")));
}

TEST_CASE("A domain search list is read with compression") {
    // RFC 3397's own example: eng.apple.com, marketing.apple.com.
    std::string bytes("\3eng\5apple\3com\0\11marketing\xC0\4", 27);
    auto names = parse_domain_search(bytes);
    REQUIRE(names);
    CHECK(*names == std::vector<std::string>{"eng.apple.com", "marketing.apple.com"});
    auto written = encode_domain_search({"a.example", "b.example."});
    REQUIRE(written);
    CHECK(*parse_domain_search(*written) == std::vector<std::string>{"a.example", "b.example"});
}

TEST_CASE("A hostile domain search list is refused") {
    CHECK_FALSE(parse_domain_search(std::string("\xC0\0", 2)));     // points at itself
    CHECK_FALSE(parse_domain_search(std::string("\1a\xC0\0", 4)));  // loop
    CHECK_FALSE(parse_domain_search(std::string("\5ab", 3)));       // cut label
    CHECK_FALSE(parse_domain_search(std::string("\1a", 2)));        // no end
    CHECK_FALSE(parse_domain_search(std::string("\3a\nb\0", 5)));   // would inject a line
    CHECK_FALSE(parse_domain_search(std::string("\xC0", 1)));       // cut pointer
    CHECK_FALSE(encode_domain_search({"a..b"}));
    CHECK_FALSE(encode_domain_search({std::string(64, 'x')}));
    CHECK(encode_domain_search({std::string(63, 'x')}));
}

TEST_CASE("The number of search domains is limited") {
    std::string one("\1a\0", 3);
    std::string bytes;
    for (std::size_t i = 0; i < largest_search_list; ++i) bytes += one;
    CHECK(parse_domain_search(bytes)->size() == largest_search_list);
    auto more = parse_domain_search(bytes + one);
    REQUIRE_FALSE(more);
    CHECK(more.error().kind() == ErrorKind::limit);
}
