#include <catch2/catch.hpp>

#include "lib/base/text.hpp"
#include "lib/dhcp/udp_frame.hpp"

using namespace osiekit;
using namespace osiekit::dhcp;

TEST_CASE("A UDP frame has the golden bytes and is read back") {
    UdpEnds ends{Ipv4(), Ipv4(255, 255, 255, 255), 68, 67};
    std::string frame = encode_udp(ends, "abc");
    CHECK(to_hex(frame) ==
          "4510001f0000400040113abf00000000ffffffff"
          "00440043000b3aef616263");
    auto read = decode_udp(frame, true);
    REQUIRE(read);
    CHECK(read->payload == "abc");
    CHECK(read->ends.source_port == 68);
    CHECK(read->ends.destination == Ipv4(255, 255, 255, 255));
    // Ethernet pads short frames.
    std::string padded = frame + std::string(20, '\0');
    CHECK(decode_udp(padded, true)->payload == "abc");
}

TEST_CASE("A damaged UDP frame is dropped") {
    std::string frame = encode_udp({Ipv4(1, 2, 3, 4), Ipv4(5, 6, 7, 8), 67, 68}, "payload!");
    REQUIRE(decode_udp(frame, true));
    for (std::size_t size = 0; size < frame.size(); ++size)
        CHECK_FALSE(decode_udp(std::string_view(frame).substr(0, size), true));
    std::string changed = frame;
    changed.back() = '?';
    CHECK_FALSE(decode_udp(changed, true));
    CHECK(decode_udp(changed, false));  // the kernel vouches for it
    changed = frame;
    changed[12] = 9;
    CHECK_FALSE(decode_udp(changed, false));  // the IP header has its own checksum
    changed = frame;
    changed[26] = changed[27] = 0;
    CHECK(decode_udp(changed, true));  // sent without a checksum
}
