#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "lib/bridge/subnet.hpp"
#include "lib/netlink/message.hpp"

using namespace osiekit;
using namespace osiekit::bridge;

namespace {

std::string route(unsigned char family, unsigned char table, unsigned char length,
                  std::string_view destination) {
    rtmsg info{};
    info.rtm_family = family;
    info.rtm_table = table;
    info.rtm_dst_len = length;
    NetlinkMessage message(RTM_NEWROUTE, 0, bytes_of(info));
    if (!destination.empty()) message.attribute(RTA_DST, destination);
    std::string bytes = message.finish(1);
    return std::string(parse_netlink(bytes)[0].payload);
}

}  // namespace

TEST_CASE("networks overlap when one holds the other") {
    CHECK(overlap({Ipv4(10, 0, 0, 0), 8}, {Ipv4(10, 231, 0, 0), 24}));
    CHECK(overlap({Ipv4(10, 231, 0, 5), 32}, {Ipv4(10, 231, 0, 0), 24}));
    CHECK_FALSE(overlap({Ipv4(10, 231, 1, 5), 32}, {Ipv4(10, 231, 0, 0), 24}));
}

TEST_CASE("the first subnet that nobody uses") {
    CHECK(free_subnet({}) == Subnet{Ipv4(172, 30, 0, 0), 24});
    Subnet everything{Ipv4(), 0};
    CHECK(free_subnet({everything}) == Subnet{Ipv4(172, 30, 0, 0), 24});
    CHECK(free_subnet({{Ipv4(172, 30, 0, 9), 32}}) == Subnet{Ipv4(172, 30, 1, 0), 24});
    Subnet twelve{Ipv4(172, 16, 0, 0), 12};
    Subnet ten{Ipv4(10, 0, 0, 0), 8};
    Subnet sixteen{Ipv4(192, 168, 0, 0), 16};
    CHECK(free_subnet({twelve}) == Subnet{Ipv4(10, 231, 0, 0), 24});
    CHECK(free_subnet({twelve, ten}) == Subnet{Ipv4(192, 168, 200, 0), 24});
    CHECK_FALSE(free_subnet({twelve, ten, sixteen}));
    // As many as there can be bridges, each another one.
    std::vector<Subnet> used;
    for (std::uint32_t i = 0; i < most_bridges; ++i) used.push_back(free_subnet(used).value());
    CHECK(used.back() == Subnet{Ipv4(172, 30, 31, 0), 24});
}

TEST_CASE("routes as the kernel lists them") {
    std::string address = Ipv4(10, 1, 2, 0).bytes();
    CHECK(parse_route(route(AF_INET, RT_TABLE_MAIN, 24, address)) == Subnet{Ipv4(10, 1, 2, 0), 24});
    CHECK(parse_route(route(AF_INET, RT_TABLE_LOCAL, 32, address)) ==
          Subnet{Ipv4(10, 1, 2, 0), 32});
    CHECK(parse_route(route(AF_INET, RT_TABLE_MAIN, 0, "")) == Subnet{Ipv4(), 0});
    CHECK_FALSE(parse_route(route(AF_INET, 99, 24, address)));
    CHECK_FALSE(parse_route(route(AF_INET6, RT_TABLE_MAIN, 24, address)));
    CHECK_FALSE(parse_route(route(AF_INET, RT_TABLE_MAIN, 33, address)));
    CHECK_FALSE(parse_route(route(AF_INET, RT_TABLE_MAIN, 24, "abc")));
    CHECK_FALSE(parse_route("short"));
}

TEST_CASE("name servers of a resolv.conf") {
    CHECK(name_servers("# nameserver 9.9.9.9\nsearch x\nnameserver 10.0.0.1\nnameserver fe80::1\n"
                       "nameserver\n\tnameserver  10.0.0.2 \n") ==
          std::vector<Ipv4>{Ipv4(10, 0, 0, 1), Ipv4(10, 0, 0, 2)});
    CHECK(name_servers("").empty());
}
