#include "lib/dhcp/packet.hpp"

#include <catch2/catch.hpp>

#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::dhcp;

namespace {

// A DISCOVER as iPXE sends it, written out field by field.
std::string discover_bytes() {
    std::string hex =
        "01010600"
        "11223344"
        "0004"
        "8000"
        "00000000"
        "00000000"
        "00000000"
        "0a000001"
        "525400aabbcc"
        "00000000000000000000";
    hex += std::string(std::size_t{2} * (sname_size + file_size), '0');
    hex +=
        "63825363"
        "350101"
        "5d020007"
        "3d0701525400aabbcc"
        "ff";
    return *from_hex(hex);
}

std::string with_options(std::string_view hex_options, std::string_view sname = {},
                         std::string_view file = {}) {
    std::string bytes = discover_bytes().substr(0, smallest_packet);
    bytes.replace(44, sname.size(), sname);
    bytes.replace(108, file.size(), file);
    return bytes + *from_hex(hex_options);
}

}  // namespace

TEST_CASE("A DISCOVER is read field by field") {
    auto packet = parse(discover_bytes());
    REQUIRE(packet);
    CHECK(packet->op == Operation::request);
    CHECK(packet->xid == 0x11223344);
    CHECK(packet->secs == 4);
    CHECK(packet->broadcast());
    CHECK(packet->giaddr == Ipv4(10, 0, 0, 1));
    CHECK(packet->mac()->to_string() == "52:54:00:aa:bb:cc");
    CHECK(packet->options.message_type() == MessageType::discover);
    CHECK(packet->options.u16_list(code::client_architecture) == std::vector<std::uint16_t>{7});
    CHECK(packet->options.get(code::client_identifier)->size() == 7);
    CHECK(packet->sname.empty());
}

TEST_CASE("A built packet has the golden bytes and is padded to 300") {
    auto packet = parse(discover_bytes());
    REQUIRE(packet);
    std::string expected = discover_bytes();
    auto unpadded = build(*packet, 0);
    REQUIRE(unpadded);
    CHECK(to_hex(*unpadded) == to_hex(expected));
    expected.resize(padded_packet, '\0');
    auto padded = build(*packet);
    REQUIRE(padded);
    CHECK(to_hex(*padded) == to_hex(expected));
}

TEST_CASE("Too short a packet gets a clear error") {
    auto packet = parse(std::string(20, '\1'));
    REQUIRE_FALSE(packet);
    CHECK(packet.error().kind() == ErrorKind::invalid_input);
    CHECK(packet.error().message() == "DHCP packet: 20 bytes, the least is 240");
    CHECK_FALSE(parse(""));
    CHECK_FALSE(parse(discover_bytes().substr(0, smallest_packet - 1)));
    CHECK(parse(discover_bytes().substr(0, smallest_packet)));
}

TEST_CASE("A packet above the limit is refused") {
    std::string bytes = discover_bytes();
    bytes.resize(largest_packet, '\0');
    CHECK(parse(bytes));
    bytes += '\0';
    auto packet = parse(bytes);
    REQUIRE_FALSE(packet);
    CHECK(packet.error().kind() == ErrorKind::limit);
}

TEST_CASE("Wrong fixed fields are refused, each with its reason") {
    std::string bytes = discover_bytes();
    SECTION("op") {
        bytes[0] = 3;
        CHECK(parse(bytes).error().message().find("op is 3") != std::string::npos);
    }
    SECTION("hlen at the limit") {
        bytes[2] = 16;
        CHECK(parse(bytes));
        CHECK_FALSE(parse(bytes)->mac());
    }
    SECTION("hlen above the limit") {
        bytes[2] = 17;
        CHECK(parse(bytes).error().message().find("17 bytes") != std::string::npos);
    }
    SECTION("cookie") {
        bytes[236] = 0;
        CHECK(parse(bytes).error().message().find("cookie") != std::string::npos);
    }
}

TEST_CASE("An option that runs past the end is refused") {
    auto cut = parse(with_options("3501010c05616263"));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().message() ==
          "DHCP packet: option 12 says 5 bytes, but 3 are left in the options");
    CHECK_FALSE(parse(with_options("3501010c")));
}

TEST_CASE("Pads are skipped, bytes behind the end are ignored, the end may be missing") {
    auto packet = parse(with_options("0000350103ff0c99"));
    REQUIRE(packet);
    CHECK(packet->options.all().size() == 1);
    CHECK(parse(with_options("350103"))->options.message_type() == MessageType::request);
}

TEST_CASE("Repeated options are concatenated and long ones split") {
    auto packet = parse(with_options("0c0261623501010c0163ff"));
    REQUIRE(packet);
    CHECK(packet->options.text(code::host_name) == "abc");
    CHECK(packet->options.all().front().code == code::host_name);

    Packet out;
    out.options.set(code::bootfile_name, std::string(255, 'x'));
    CHECK(build(out, 0)->size() == smallest_packet + encoded_size(255) + 1);
    CHECK(encoded_size(255) == 257);
    CHECK(encoded_size(256) == 260);
    CHECK(encoded_size(0) == 2);
    out.options.set(code::bootfile_name, std::string(600, 'x'));
    auto again = parse(*build(out));
    REQUIRE(again);
    CHECK(*again == out);
}

TEST_CASE("Overloaded fields carry options") {
    std::string file = *from_hex("0c0161ff");
    std::string sname = *from_hex("0c01620f0163ff");
    SECTION("file") {
        auto packet = parse(with_options("340101350102ff", "server", file));
        REQUIRE(packet);
        CHECK(packet->options.text(code::host_name) == "a");
        CHECK(packet->file.empty());
        CHECK(packet->sname == "server");
    }
    SECTION("both: file comes before sname") {
        auto packet = parse(with_options("340103350102ff", sname, file));
        REQUIRE(packet);
        CHECK(packet->options.text(code::host_name) == "ab");
        CHECK(packet->options.text(code::domain_name) == "c");
        CHECK_FALSE(packet->options.has(code::overload));
        CHECK(packet->sname.empty());
    }
    SECTION("an option cut short inside a field") {
        auto packet = parse(with_options("340102350102ff", std::string(sname_size, '\x0c')));
        REQUIRE_FALSE(packet);
        CHECK(packet.error().message().find("sname field") != std::string::npos);
    }
}

TEST_CASE("Getters give nothing for a wrong length") {
    Options options;
    options.set(code::lease_time, "123");
    options.set(code::router, "12345");
    options.set(code::message_type, std::string(1, '\x09'));
    CHECK_FALSE(options.u32(code::lease_time));
    CHECK(options.ipv4_list(code::router).empty());
    CHECK_FALSE(options.ipv4(code::router));
    CHECK_FALSE(options.message_type());
    CHECK_FALSE(options.get(code::host_name));
    options.set(code::bootfile_name, std::string("file\0\0", 6));
    CHECK(options.text(code::bootfile_name) == "file");
}

TEST_CASE("Setters replace in place and ignore the markers") {
    Options options;
    options.set_message_type(MessageType::offer);
    options.set_ipv4_list(code::domain_name_server, {Ipv4(1, 1, 1, 1), Ipv4(8, 8, 8, 8)});
    options.set_u32(code::lease_time, 86400);
    options.set_u16(code::interface_mtu, 9000);
    options.set_message_type(MessageType::ack);
    options.set(code::pad, "x");
    options.set(code::end, "x");
    CHECK(to_hex(encode_options(options, true)) ==
          "350105060801010101080808083304000151801a022328ff");
    CHECK(options.ipv4(code::domain_name_server) == Ipv4(1, 1, 1, 1));
    CHECK(options.u16(code::interface_mtu) == 9000);
    options.remove(code::lease_time);
    CHECK_FALSE(options.has(code::lease_time));
}

TEST_CASE("Sub-options are read and written like options") {
    auto pxe = parse_suboptions(*from_hex("060108ff"));
    REQUIRE(pxe);
    CHECK(pxe->u8(6) == 8);
    CHECK(to_hex(encode_options(*pxe, true)) == "060108ff");
    CHECK(to_hex(encode_options(*pxe, false)) == "060108");
    auto ipxe = parse_suboptions(*from_hex("eb03010500b10501af8510ec"));
    REQUIRE(ipxe);
    CHECK(ipxe->has(235));
    CHECK_FALSE(parse_suboptions(*from_hex("0605")));
}

TEST_CASE("Fields that do not fit are refused when building") {
    Packet packet;
    packet.sname = std::string(sname_size, 's');
    packet.file = std::string(file_size, 'f');
    auto bytes = build(packet);
    REQUIRE(bytes);
    CHECK(*parse(*bytes) == packet);
    packet.file += 'f';
    CHECK_FALSE(build(packet));
    packet.file.clear();
    packet.sname += 's';
    CHECK_FALSE(build(packet));
    packet.sname.clear();
    packet.hlen = 17;
    CHECK_FALSE(build(packet));
    packet.hlen = 6;
    packet.options.set(code::vendor_specific, std::string(largest_packet, 'x'));
    CHECK(build(packet).error().kind() == ErrorKind::limit);
}
