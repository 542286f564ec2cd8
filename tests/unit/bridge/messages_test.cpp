// The messages as bytes, on machines of little endian as all that osiekit runs on.
#include <catch2/catch.hpp>

#include "lib/bridge/messages.hpp"
#include "lib/bridge/nat_rules.hpp"

using namespace osiekit;
using namespace osiekit::bridge;

namespace {

std::string hex(std::string_view bytes) {
    static constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4U];
        text += digits[static_cast<unsigned char>(c) & 15U];
    }
    return text;
}

std::string hex(NamedMessage message) {
    return hex(message.message.finish(1));
}

}  // namespace

TEST_CASE("a bridge, its note, its address") {
    // length 60, RTM_NEWLINK, REQUEST|ACK|EXCL|CREATE; ifinfomsg; IFNAME; LINKINFO{KIND}
    CHECK(hex(make_bridge("osie0")) ==
          "3c000000100005060100000000000000"
          "00000000000000000000000000000000"
          "0a0003006f73696530000000"
          "100012000b0001006272696467650000");
    // RTM_SETLINK by name; IFALIAS
    CHECK(hex(set_note("osie0", "note")) ==
          "34000000130005000100000000000000"
          "00000000000000000000000000000000"
          "0a0003006f73696530000000"
          "080014006e6f7465");
    // RTM_NEWADDR; AF_INET/24 of interface 7; LOCAL, ADDRESS
    CHECK(hex(set_address(7, Ipv4(172, 30, 0, 1), 24)) ==
          "28000000140005060100000000000000"
          "0218000007000000"
          "08000200ac1e000108000100ac1e0001");
    CHECK(hex(switch_on(7)) ==
          "20000000100005000100000000000000"
          "00000000070000000100000001000000");
    CHECK(hex(remove_link("osie0")) ==
          "2c000000110005000100000000000000"
          "00000000000000000000000000000000"
          "0a0003006f73696530000000");
    CHECK(hex(list_routes()) ==
          "1c0000001a0001030100000000000000"
          "020000000000000000000000");
}

TEST_CASE("a pair of cards, one of them in the network of process 1234") {
    // up; IFNAME; MASTER 7; LINKINFO{KIND veth, DATA{PEER{ifinfomsg, IFNAME eth0, NET_NS_PID}}}
    CHECK(hex(make_pair("osie0p", 7, 1234)) ==
          "70000000100005060100000000000000"
          "00000000000000000100000001000000"
          "0b0003006f73696530700000"
          "08000a0007000000"
          "3c001200"
          "0900010076657468000000002c000200"
          "28000100"
          "00000000000000000000000000000000"
          "090003006574683000000000"
          "08001300d2040000");
}

TEST_CASE("one transaction of nf_tables: the table anew, chains, rules") {
    NatRules wanted{"osie0", Ipv4(172, 30, 0, 0), 24, true};
    auto messages = add_nat_rules(wanted);
    std::vector<std::string> all;
    for (NamedMessage& message : messages) all.push_back(hex(std::move(message)));
    REQUIRE(all.size() == 13);
    CHECK(all.front() ==
          "14000000100001000100000000000000"
          "0000000a");  // NFNL_MSG_BATCH_BEGIN
    CHECK(all.back() ==
          "14000000110001000100000000000000"
          "0000000a");                                             // NFNL_MSG_BATCH_END
    const std::string table = "020000000a0001006f73696530000000";  // ip; TABLE_NAME
    CHECK(all[1] == "20000000000a05040100000000000000" + table);   // NEWTABLE, CREATE
    CHECK(all[2] == "20000000020a05000100000000000000" + table);   // DELTABLE
    CHECK(all[3] == all[1]);
    // NEWCHAIN: HOOK{4, 100}, POLICY accept, TYPE nat
    CHECK(all[4] == "54000000030a05040100000000000000" + table +
                        "10000300706f7374726f7574696e6700"
                        "140004800800010000000004"
                        "0800020000000064"
                        "0800050000000001"
                        "080007006e617400");
    // payload, bitwise, cmp eq; meta oifname, cmp neq; masq
    CHECK(all[6] == "48010000060a050c0100000000000000" + table +
                        "10000200706f7374726f7574696e6700"
                        "18010480"
                        "340001800c0001007061796c6f616400"
                        "24000280"
                        "0800010000000001"
                        "0800020000000001"
                        "080003000000000c"
                        "0800040000000004"
                        "440001800c0001006269747769736500"
                        "34000280"
                        "0800010000000001"
                        "0800020000000001"
                        "0800030000000004"
                        "0c00048008000100ffffff00"
                        "0c0005800800010000000000"
                        "2c00018008000100636d7000"
                        "20000280"
                        "0800010000000001"
                        "0800020000000000"
                        "0c00038008000100ac1e0000"
                        "24000180090001006d65746100000000"
                        "14000280"
                        "0800020000000007"
                        "0800010000000001"
                        "3800018008000100636d7000"
                        "2c000280"
                        "0800010000000001"
                        "0800020000000001"
                        "18000380140001006f736965300000000000000000000000"
                        "14000180090001006d61737100000000"
                        "04000280");
    // meta oifname, cmp eq "osie"; ct state, bitwise 6, cmp neq 0; immediate accept
    CHECK(all[9] == "40010000060a050c0100000000000000" + table +
                        "0c000200666f7277617264001401"
                        "0480"
                        "24000180090001006d65746100000000"
                        "14000280"
                        "0800020000000007"
                        "0800010000000001"
                        "2c00018008000100636d7000"
                        "20000280"
                        "0800010000000001"
                        "0800020000000000"
                        "0c000380080001006f736965"
                        "200001800700010063740000"
                        "14000280"
                        "0800020000000000"
                        "0800010000000001"
                        "440001800c0001006269747769736500"
                        "34000280"
                        "0800010000000001"
                        "0800020000000001"
                        "0800030000000004"
                        "0c0004800800010006000000"
                        "0c0005800800010000000000"
                        "2c00018008000100636d7000"
                        "20000280"
                        "0800010000000001"
                        "0800020000000001"
                        "0c0003800800010000000000"
                        "300001800e000100696d6d6564696174"
                        "65000000"
                        "1c000280"
                        "0800010000000000"
                        "100002800c0002800800010000000001");
    // On a machine that forwards anyway, the rest is not dropped.
    wanted.only_bridges = false;
    CHECK(add_nat_rules(wanted).size() == 12);
    CHECK(remove_nat_rules("osie0").size() == 4);
}
