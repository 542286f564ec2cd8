#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "lib/base/text.hpp"
#include "lib/dhcp/values.hpp"
#include "server/netboot/dhcp/reply_options.hpp"
#include "server/netboot/dhcp/responder.hpp"
#include "server/netboot/dhcp/strangers.hpp"
#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;
using dhcp::MessageType;
namespace code = osiekit::dhcp::code;
using Way = Destination::Way;

namespace {

const Ipv4 server_address(192, 0, 2, 1);
const Ipv4 machine_address(192, 0, 2, 20);

Settings settings() {
    Settings result;
    result.address = server_address;
    result.public_http_url = "http://192.0.2.1:7080";
    return result;
}

dhcp::Packet question(MessageType type) {
    dhcp::Packet packet;
    packet.xid = 0x01020304;
    packet.set_mac(test::example_mac());
    packet.options.set_message_type(type);
    return packet;
}

dhcp::Packet firmware(MessageType type, std::uint16_t architecture) {
    auto packet = question(type);
    std::string digits = std::to_string(architecture);
    packet.options.set(code::vendor_class, "PXEClient:Arch:" + std::string(5 - digits.size(), '0') +
                                               digits + ":UNDI:003000");
    packet.options.set_u16(code::client_architecture, architecture);
    return packet;
}

dhcp::Packet rom(MessageType type) {
    auto packet = firmware(type, 0);
    packet.options.set(code::user_class, "iPXE");
    packet.options.set(code::ipxe_encapsulated, std::string("\x13\x01\x01\x15\x01\x01", 6));
    return packet;
}

struct World {
    test::IpxeFolder folder;
    ipxe::Binaries binaries = folder.load();
    Machine machine = test::example_machine();
    Settings given = settings();
    Arrival arrival;

    Outcome ask(const dhcp::Packet& packet) const {
        return respond(packet, arrival, given, binaries,
                       [this](const MacAddress& mac) -> std::optional<Machine> {
                           if (mac != machine.mac) return std::nullopt;
                           return machine;
                       });
    }
    dhcp::Packet reply(const dhcp::Packet& packet) const {
        auto outcome = ask(packet);
        REQUIRE(outcome.reply);
        return outcome.reply->packet;
    }
};

}  // namespace

TEST_CASE("the offer to an iPXE ROM, byte by byte") {
    World world;
    auto packet = rom(MessageType::discover);
    packet.options.set(code::client_identifier, *from_hex("01525400aabb01"));
    packet.options.set(code::client_uuid, std::string(17, '\0'));
    packet.options.set(code::relay_agent_information, *from_hex("010462723000"));
    auto bytes = dhcp::build(world.reply(packet)).value();
    const std::string url = "http://192.0.2.1:7080/ipxe/script/52:54:00:aa:bb:01/auto.ipxe";
    const std::string fixed =
        "02010600"
        "01020304"
        "0000"
        "0000"
        "00000000"   // ciaddr
        "c0000214"   // yiaddr
        "c0000201"   // siaddr
        "00000000";  // giaddr
    std::string expected = *from_hex(fixed + "525400aabb01") + std::string(10 + 64, '\0') + url +
                           std::string(128 - url.size(), '\0');
    expected += *from_hex(
        "63825363"
        "350102"
        "3604c0000201"
        "330400015180"
        "3a040000a8c0"
        "3b0400012750"
        "0104ffffff00"
        "0304c00002fe"
        "3d0701525400aabb01"
        "3c09505845436c69656e74");
    expected += '\x43';
    expected += static_cast<char>(url.size());
    expected += url;
    expected += *from_hex("4209") + "192.0.2.1";
    expected += *from_hex(
        "2b04060108ff"
        "af03b00101"
        "6111" +
        std::string(34, '0') +
        "0c056e6f646537"
        "1c04c00002ff"
        "5206010462723000"
        "ff");
    CHECK(to_hex(bytes) == to_hex(expected));
}

TEST_CASE("what each kind of client is given to boot") {
    World world;
    SECTION("BIOS firmware: the UNDI binary by TFTP") {
        auto reply = world.reply(firmware(MessageType::discover, 0));
        CHECK(reply.file == "undionly.kpxe");
        CHECK(reply.siaddr == server_address);
        CHECK(reply.options.text(code::vendor_class) == "PXEClient");
        CHECK(reply.options.get(code::vendor_specific) == std::string("\x06\x01\x08\xff"));
    }
    SECTION("x64 UEFI firmware, under both numbers") {
        CHECK(world.reply(firmware(MessageType::discover, 7)).file == "snponly.efi");
        CHECK(world.reply(firmware(MessageType::discover, 9)).file == "snponly.efi");
    }
    SECTION("the architecture from option 60 when 93 is missing") {
        auto packet = firmware(MessageType::discover, 7);
        packet.options.remove(code::client_architecture);
        CHECK(world.reply(packet).file == "snponly.efi");
    }
    SECTION("UEFI HTTP Boot: a URL, and option 60 echoed as it must be") {
        auto packet = firmware(MessageType::discover, 16);
        packet.options.set(code::vendor_class, "HTTPClient:Arch:00016:UNDI:003000");
        auto reply = world.reply(packet);
        CHECK(reply.file == "http://192.0.2.1:7080/ipxe/binary/52:54:00:aa:bb:01/snponly.efi");
        CHECK(reply.options.text(code::vendor_class) == "HTTPClient");
        CHECK_FALSE(reply.options.has(code::vendor_specific));
    }
    SECTION("an architecture without a binary: an address only") {
        auto reply = world.reply(firmware(MessageType::discover, 11));
        CHECK(reply.yiaddr == machine_address);
        CHECK(reply.file.empty());
        CHECK(reply.siaddr.is_zero());
        CHECK_FALSE(reply.options.has(code::vendor_class));
    }
    SECTION("an operating system: no boot options at all") {
        auto reply = world.reply(question(MessageType::discover));
        CHECK(reply.file.empty());
        CHECK_FALSE(reply.options.has(code::bootfile_name));
        CHECK_FALSE(reply.options.has(code::vendor_class));
    }
    SECTION("the record's own binary") {
        world.machine.ipxe_binary = "special.efi";
        CHECK(world.reply(firmware(MessageType::discover, 7)).file == "special.efi");
    }
    SECTION("netboot not allowed") {
        world.machine.allow_pxe = false;
        for (const auto& packet :
             {firmware(MessageType::discover, 7), rom(MessageType::discover)}) {
            auto reply = world.reply(packet);
            CHECK(reply.yiaddr == machine_address);
            CHECK(reply.file == "/netboot-not-allowed");
            CHECK(reply.siaddr.is_zero());
        }
    }
    SECTION("to the disk: iPXE still gets its script, firmware nothing it could load") {
        world.machine.boot = BootTarget::local_disk;
        CHECK(world.reply(rom(MessageType::discover)).file.find("/auto.ipxe") != std::string::npos);
        CHECK(world.reply(firmware(MessageType::discover, 0)).file.empty());
        auto uefi = world.reply(firmware(MessageType::discover, 7));
        CHECK(uefi.file == "/boot-from-local-disk");
        CHECK(uefi.siaddr.is_zero());
    }
}

TEST_CASE("iPXE is known by its options, in every form they come") {
    auto kind = [](const dhcp::Packet& packet) { return classify(packet).kind; };
    auto packet = firmware(MessageType::discover, 7);
    CHECK(kind(packet) == ClientKind::firmware);
    packet.options.set(code::user_class, "\x04iPXE");
    CHECK(kind(packet) == ClientKind::ipxe);
    packet.options.set(code::user_class,
                       "\x03"
                       "abc"
                       "\x0aTinkerbell");
    CHECK(kind(packet) == ClientKind::ipxe);
    packet.options.set(code::user_class, "\x7fiPXE");
    CHECK(kind(packet) == ClientKind::firmware);
    packet.options.set(code::ipxe_encapsulated, *from_hex("eb03010000"));
    CHECK(kind(packet) == ClientKind::ipxe);
    packet.options.set(code::ipxe_encapsulated, *from_hex("150101"));  // TFTP, no HTTP
    CHECK(kind(packet) == ClientKind::firmware);
    packet.options.set(code::ipxe_encapsulated, *from_hex("15ff01"));  // cut off
    CHECK(kind(packet) == ClientKind::ipxe);
}

TEST_CASE(
    "a REQUEST gets an ACK for its own address, a NAK for another, silence for another server") {
    World world;
    auto packet = question(MessageType::request);
    packet.options.set_ipv4(code::server_identifier, server_address);
    packet.options.set_ipv4(code::requested_address, machine_address);
    CHECK(world.reply(packet).options.message_type() == MessageType::ack);
    CHECK(world.reply(packet).yiaddr == machine_address);

    packet.options.set_ipv4(code::requested_address, Ipv4(192, 0, 2, 21));
    auto outcome = world.ask(packet);
    REQUIRE(outcome.reply);
    const auto& nak = outcome.reply->packet;
    CHECK(nak.options.message_type() == MessageType::nak);
    CHECK(nak.yiaddr.is_zero());
    CHECK(nak.siaddr.is_zero());
    CHECK_FALSE(nak.options.has(code::lease_time));
    CHECK_FALSE(nak.options.has(code::subnet_mask));
    CHECK(outcome.reply->destination.way == Way::broadcast);
    CHECK(outcome.event->kind == "dhcp.nak");

    packet.options.set_ipv4(code::server_identifier, Ipv4(192, 0, 2, 2));
    CHECK_FALSE(world.ask(packet).reply);
}

TEST_CASE("INIT-REBOOT and renewals") {
    World world;
    auto reboot = question(MessageType::request);
    CHECK_FALSE(world.ask(reboot).reply);  // it says nothing
    reboot.options.set_ipv4(code::requested_address, machine_address);
    CHECK(world.reply(reboot).options.message_type() == MessageType::ack);
    reboot.options.set_ipv4(code::requested_address, Ipv4(10, 9, 9, 9));
    CHECK(world.reply(reboot).options.message_type() == MessageType::nak);

    auto renewal = question(MessageType::request);
    renewal.ciaddr = machine_address;
    auto outcome = world.ask(renewal);
    REQUIRE(outcome.reply);
    CHECK(outcome.reply->packet.ciaddr == machine_address);
    CHECK(outcome.reply->destination == Destination{Way::unicast, machine_address, 68});
    renewal.ciaddr = Ipv4(10, 9, 9, 9);
    CHECK(world.ask(renewal).reply->destination.way == Way::broadcast);
}

TEST_CASE("INFORM gets options, no address and no lease") {
    World world;
    auto packet = question(MessageType::inform);
    packet.ciaddr = Ipv4(192, 0, 2, 77);
    auto outcome = world.ask(packet);
    REQUIRE(outcome.reply);
    CHECK(outcome.reply->packet.yiaddr.is_zero());
    CHECK_FALSE(outcome.reply->packet.options.has(code::lease_time));
    CHECK(outcome.reply->packet.options.ipv4(code::router) == Ipv4(192, 0, 2, 254));
    CHECK(outcome.reply->destination == Destination{Way::unicast, packet.ciaddr, 68});
    packet.ciaddr = Ipv4();
    CHECK_FALSE(world.ask(packet).reply);
    world.arrival.source = Ipv4(192, 0, 2, 78);
    CHECK(world.ask(packet).reply->destination.address == Ipv4(192, 0, 2, 78));
}

TEST_CASE("RELEASE and DECLINE are told, not answered") {
    World world;
    auto packet = question(MessageType::release);
    CHECK_FALSE(world.ask(packet).reply);
    CHECK(world.ask(packet).event->kind == "dhcp.release");
    packet = question(MessageType::decline);
    packet.options.set_ipv4(code::requested_address, machine_address);
    CHECK_FALSE(world.ask(packet).reply);
    CHECK(world.ask(packet).event->text.find("192.0.2.20") != std::string::npos);
}

TEST_CASE("nobody else is answered") {
    World world;
    auto stranger = question(MessageType::discover);
    stranger.set_mac(*MacAddress::parse("02:00:00:00:00:01"));
    CHECK_FALSE(world.ask(stranger).reply);
    CHECK(world.ask(stranger).event->kind == "dhcp.unknown");

    auto reply = question(MessageType::discover);
    reply.op = dhcp::Operation::reply;
    CHECK_FALSE(world.ask(reply).event);
    auto bootp = question(MessageType::discover);
    bootp.options.remove(code::message_type);
    CHECK_FALSE(world.ask(bootp).event);
    auto infiniband = question(MessageType::discover);
    infiniband.htype = 32;
    CHECK_FALSE(world.ask(infiniband).event);
    CHECK_FALSE(world.ask(question(MessageType::offer)).reply);

    world.machine.address = Ipv4();
    CHECK_FALSE(world.ask(question(MessageType::discover)).reply);
}

TEST_CASE("where replies go") {
    World world;
    auto packet = question(MessageType::discover);
    CHECK(world.ask(packet).reply->destination == Destination{Way::hardware, machine_address, 68});
    packet.flags = dhcp::broadcast_flag;
    CHECK(world.ask(packet).reply->destination.way == Way::broadcast);
    CHECK(world.ask(packet).reply->packet.flags == dhcp::broadcast_flag);
    packet.giaddr = Ipv4(198, 51, 100, 1);
    CHECK(world.ask(packet).reply->destination == Destination{Way::unicast, packet.giaddr, 67});
    CHECK(world.reply(packet).giaddr == packet.giaddr);
}

TEST_CASE("relays: source port, server identifier override, NAK by broadcast") {
    World world;
    world.arrival.source_port = 6767;
    auto packet = question(MessageType::request);
    packet.giaddr = Ipv4(198, 51, 100, 1);
    packet.options.set(code::relay_agent_information, *from_hex("1300"
                                                                "0b04c6336401"));
    packet.options.set_ipv4(code::server_identifier, Ipv4(198, 51, 100, 1));
    packet.options.set_ipv4(code::requested_address, machine_address);
    auto outcome = world.ask(packet);
    REQUIRE(outcome.reply);
    CHECK(outcome.reply->destination.port == 6767);
    CHECK(outcome.reply->packet.options.ipv4(code::server_identifier) == Ipv4(198, 51, 100, 1));
    CHECK(outcome.reply->packet.options.all().back().code == code::relay_agent_information);
    packet.options.set_ipv4(code::requested_address, Ipv4(10, 0, 0, 1));
    CHECK(world.reply(packet).broadcast());
}

TEST_CASE("options from the record") {
    World world;
    world.machine.name_servers = {Ipv4(192, 0, 2, 53), Ipv4(192, 0, 2, 54)};
    world.machine.time_servers = {Ipv4(192, 0, 2, 123)};
    world.machine.domain = "rack.example";
    world.machine.domain_search = {"rack.example", "example"};
    world.machine.lease_seconds = 600;
    auto packet = question(MessageType::discover);
    packet.options.set(code::parameter_request_list, "\x79");
    auto options = world.reply(packet).options;
    CHECK(options.ipv4_list(code::domain_name_server) == world.machine.name_servers);
    CHECK(options.ipv4_list(code::ntp_servers) == world.machine.time_servers);
    CHECK(options.text(code::domain_name) == "rack.example");
    CHECK(dhcp::parse_domain_search(*options.get(code::domain_search)).value() ==
          world.machine.domain_search);
    CHECK(options.u32(code::lease_time) == 600U);
    CHECK(options.u32(code::renewal_time) == 300U);
    CHECK(options.u32(code::rebinding_time) == 525U);
    CHECK(dhcp::parse_routes(*options.get(code::classless_static_route)).value() ==
          std::vector<dhcp::Route>{{Ipv4(), 0, Ipv4(192, 0, 2, 254)}});
    packet.options.remove(code::parameter_request_list);
    CHECK_FALSE(world.reply(packet).options.has(code::classless_static_route));
}

TEST_CASE("a reply stays within what the client and the interface take") {
    World world;
    world.machine.domain_search = {std::string(60, 'a') + "." + std::string(60, 'b'),
                                   std::string(60, 'c') + "." + std::string(60, 'd'),
                                   std::string(60, 'e') + "." + std::string(60, 'f')};
    auto packet = rom(MessageType::discover);
    packet.options.set(code::relay_agent_information, *from_hex("0104") + std::string(4, 'r'));
    auto size = [&] { return dhcp::build(world.reply(packet)).value().size(); };
    CHECK(size() <= dhcp::default_reply_limit);
    CHECK_FALSE(world.reply(packet).options.has(code::domain_search));
    CHECK(world.reply(packet).options.has(code::relay_agent_information));
    packet.options.set_u16(code::maximum_message_size, 65280);
    CHECK(world.reply(packet).options.has(code::domain_search));
    CHECK(size() <= 1472);

    CHECK(reply_limit(packet, 1500) == 1472);
    CHECK(reply_limit(packet, 0) == 548);
    packet.options.set_u16(code::maximum_message_size, 0);
    CHECK(reply_limit(packet, 1500) == 548);
}

TEST_CASE("a boot file longer than its field goes into option 67 alone") {
    World world;
    world.given.public_http_url = "http://" + std::string(100, 'h') + ".example";
    auto reply = world.reply(rom(MessageType::discover));
    CHECK(reply.file.empty());
    CHECK(reply.options.text(code::bootfile_name)->substr(0, 9) == "http://hh");
    CHECK(dhcp::build(reply).ok());
}

TEST_CASE("strangers are told of once a minute each, up to a limit") {
    Strangers strangers;
    const Strangers::Clock::time_point now = Strangers::Clock::time_point() + Strangers::period;
    auto mac = [](std::size_t i) {
        return *MacAddress::from_bytes(std::string("\x02\0\0\0\0", 5) + static_cast<char>(i));
    };
    for (std::size_t i = 0; i < Strangers::largest_count; ++i) {
        CHECK(strangers.worth_telling(mac(i), now));
        CHECK_FALSE(strangers.worth_telling(mac(i), now));
    }
    CHECK_FALSE(strangers.worth_telling(mac(Strangers::largest_count), now));
    CHECK(strangers.worth_telling(mac(0), now + Strangers::period));
}
