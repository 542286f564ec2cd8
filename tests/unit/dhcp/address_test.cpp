#include <catch2/catch.hpp>

#include "lib/dhcp/address.hpp"

using osiekit::Ipv4;
using osiekit::MacAddress;

TEST_CASE("An IPv4 address is read strictly and printed back") {
    CHECK(Ipv4::parse("192.168.56.10") == Ipv4(192, 168, 56, 10));
    CHECK(Ipv4(10, 0, 2, 255).to_string() == "10.0.2.255");
    CHECK(Ipv4::parse("0.0.0.0")->is_zero());
    for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.x",
                            "1.2.3.4 ", "1..2.3", "-1.2.3.4", "1111.2.3.4"})
        CHECK_FALSE(Ipv4::parse(bad));
}

TEST_CASE("IPv4 bytes are in network order") {
    CHECK(Ipv4(1, 2, 3, 4).bytes() == std::string("\x01\x02\x03\x04", 4));
    CHECK(Ipv4::from_bytes(std::string("\x01\x02\x03\x04", 4)) == Ipv4(1, 2, 3, 4));
    CHECK_FALSE(Ipv4::from_bytes("123"));
    CHECK_FALSE(Ipv4::from_bytes("12345"));
}

TEST_CASE("Netmasks and prefix lengths are two forms of one thing") {
    for (unsigned n = 0; n <= 32; ++n) CHECK(Ipv4::netmask(n).prefix_length() == n);
    CHECK(Ipv4::netmask(24) == Ipv4(255, 255, 255, 0));
    CHECK_FALSE(Ipv4(255, 0, 255, 0).prefix_length());
    CHECK_FALSE(Ipv4(0, 0, 0, 255).prefix_length());
}

TEST_CASE("A MAC address is read in any usual notation") {
    MacAddress expected({0x52, 0x54, 0x00, 0x0a, 0x0b, 0xcc});
    for (const char* text : {"52:54:00:0a:0b:cc", "52-54-00-0A-0B-CC", "5254.000a.0bcc",
                             "5254000A0bcc", "52:54:0:a:b:cc"}) {
        INFO(text);
        CHECK(MacAddress::parse(text) == expected);
    }
    CHECK(expected.to_string() == "52:54:00:0a:0b:cc");
    for (const char* bad :
         {"", "52:54:00:0a:0b", "52:54:00:0a:0b:cc:dd", "52:54:00:0a:0b:gg", "525:4:00:0a:0b:cc",
          "52:54-00:0a:0b:cc", "5254000a0bc", "::::: ", "52::00:0a:0b:cc", "5254000a0bcc00"}) {
        INFO(bad);
        CHECK_FALSE(MacAddress::parse(bad));
    }
}

TEST_CASE("Addresses are ordered") {
    CHECK(Ipv4(10, 0, 0, 9) < Ipv4(10, 0, 0, 10));
    CHECK(Ipv4(9, 255, 255, 255) < Ipv4(192, 0, 0, 0));
    CHECK(*MacAddress::parse("00:00:00:00:00:01") < *MacAddress::parse("00:00:00:00:01:00"));
}
