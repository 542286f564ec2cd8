#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <catch2/catch.hpp>

#include "lib/netlink/link.hpp"

using namespace osiekit;

TEST_CASE("Netlink messages are put together and taken apart") {
    ifinfomsg info{};
    info.ifi_index = 7;
    info.ifi_type = 1;
    info.ifi_flags = 0x10001;
    std::string fixed(reinterpret_cast<const char*>(&info), sizeof info);
    NetlinkMessage message(RTM_NEWLINK, 0, fixed);
    message.attribute(IFLA_IFNAME, std::string_view("eth0\0", 5));
    message.attribute(IFLA_ADDRESS, std::string_view("\x52\x54\x00\x12\x34\x56", 6));
    SECTION("a network card") {
        std::string bytes = message.finish(3);
        auto replies = parse_netlink(bytes);
        REQUIRE(replies.size() == 1);
        CHECK(replies[0].type == RTM_NEWLINK);
        CHECK(replies[0].sequence == 3);
        auto link = parse_link(replies[0].payload);
        REQUIRE(link);
        CHECK(link->index == 7);
        CHECK(link->name == "eth0");
        CHECK(link->mac.to_string() == "52:54:00:12:34:56");
        CHECK(link->ethernet);
        CHECK(link->hardware);
        CHECK(link->up);
        CHECK(link->carrier);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK(parse_netlink(std::string_view(bytes).substr(0, size)).empty());
        CHECK_FALSE(parse_link(replies[0].payload.substr(0, sizeof info)));
    }
    SECTION("a software device") {
        std::size_t start = message.begin(IFLA_LINKINFO);
        message.attribute(IFLA_INFO_KIND, std::string_view("vlan\0", 5));
        message.end(start);
        std::string bytes = message.finish(1);
        CHECK_FALSE(parse_link(parse_netlink(bytes)[0].payload)->hardware);
    }
}

TEST_CASE("What a link's message says of masters and notes") {
    ifinfomsg info{};
    info.ifi_index = 3;
    NetlinkMessage message(RTM_NEWLINK, 0, bytes_of(info));
    message.attribute_text(IFLA_IFNAME, "osie0p");
    message.attribute_text(IFLA_IFALIAS, "a note");
    message.attribute_u32(IFLA_MASTER, 7);
    std::string bytes = message.finish(1);
    auto link = parse_link(parse_netlink(bytes)[0].payload);
    REQUIRE(link);
    CHECK(link->alias == "a note");
    CHECK(link->master == 7);
}

TEST_CASE("Attributes in network order, texts, and attributes in attributes, byte by byte") {
    NetlinkMessage message(0x0a00, NLM_F_ACK, "abcd");
    CHECK(message.wants_answer());
    message.attribute_be32(1, 0x01020304);
    std::size_t outer = message.begin(2 | NLA_F_NESTED);
    message.attribute_text(3, "nat");
    message.attribute_text(4, "ip");
    message.end(outer);
    std::string bytes = message.finish(9);
    const std::string expected(
        "\x30\0\0\0\x00\x0a\x05\0\x09\0\0\0\0\0\0\0"  // length, type, REQUEST|ACK, number, port
        "abcd"
        "\x08\0\x01\0\x01\x02\x03\x04"
        "\x14\0\x02\x80"
        "\x08\0\x03\0nat\0"
        "\x07\0\x04\0ip\0\0",
        48);
    CHECK(bytes == expected);
    CHECK_FALSE(NetlinkMessage(1, 0, "").wants_answer());
    auto attributes = parse_attributes(std::string_view(expected).substr(20));
    REQUIRE(attributes.size() == 2);
    CHECK(attributes[1].type == 2);
    CHECK(parse_attributes(attributes[1].value).size() == 2);
}

TEST_CASE("What the kernel refuses is named by the request that it was") {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    REQUIRE(socket);
    ifinfomsg none{};
    none.ifi_index = 0x7ffffff0;
    std::vector<NamedMessage> messages;
    ifinfomsg loopback{};
    loopback.ifi_index = 1;
    messages.push_back(
        {"looking at the loopback interface", NetlinkMessage(RTM_GETLINK, 0, bytes_of(loopback))});
    messages.push_back(
        {"asking for nothing", NetlinkMessage(RTM_GETLINK, NLM_F_ACK, bytes_of(none))});
    Status done = socket->request_all(std::move(messages));
    REQUIRE(!done);
    CHECK(done.error().error_number() == ENODEV);
    CHECK(done.error().to_string().find("asking for nothing") == 0);
}
