#include "init/network/dhcp_client.hpp"

#include <catch2/catch.hpp>

#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::init;
using dhcp::MessageType;
using std::chrono::seconds;
namespace code = dhcp::code;

namespace {

using Time = DhcpClient::Time;
using State = DhcpClient::State;
using Kind = DhcpClient::Event::Kind;

const MacAddress mac({0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc});
constexpr Ipv4 server(10, 0, 0, 1);
constexpr Ipv4 address(10, 0, 0, 50);
constexpr Ipv4 everybody(255, 255, 255, 255);

// A client with the clock and the server in the test's hands.
struct Bench {
    DhcpClient client{mac, 7};
    Time now = seconds(100);

    // The one packet that the client has sent since the last time.
    DhcpClient::Outgoing sent() {
        auto packets = client.take_packets();
        REQUIRE(packets.size() == 1);
        return packets[0];
    }
    MessageType sent_type() {
        return sent().packet.options.message_type().value_or(MessageType::inform);
    }
    bool silent() { return client.take_packets().empty(); }
    // Lets time pass up to the client's next deadline.
    void to_deadline() {
        auto deadline = client.deadline();
        REQUIRE(deadline);
        now = deadline.value_or(now);
        client.on_timer(now);
    }
    static dhcp::Packet reply(MessageType type, std::uint32_t xid) {
        dhcp::Packet packet;
        packet.op = dhcp::Operation::reply;
        packet.xid = xid;
        packet.set_mac(mac);
        packet.yiaddr = type == MessageType::nak ? Ipv4() : address;
        packet.options.set_message_type(type);
        packet.options.set_ipv4(code::server_identifier, server);
        if (type != MessageType::nak) packet.options.set_u32(code::lease_time, 1000);
        return packet;
    }
    void answer(const dhcp::Packet& packet) { client.on_packet(now, packet); }
    std::vector<Kind> events() {
        std::vector<Kind> kinds;
        for (const auto& event : client.take_events()) kinds.push_back(event.kind);
        return kinds;
    }
    // Through DISCOVER, OFFER, REQUEST, ACK.
    void bind() {
        client.start(now);
        answer(reply(MessageType::offer, sent().packet.xid));
        answer(reply(MessageType::ack, sent().packet.xid));
        REQUIRE(client.state() == State::bound);
        REQUIRE(events() == std::vector<Kind>{Kind::gained});
    }
};

}  // namespace

TEST_CASE("A DISCOVER has the golden bytes") {
    Bench bench;
    bench.client.start(bench.now);
    DhcpClient::Outgoing outgoing = bench.sent();
    CHECK(outgoing.source.is_zero());
    CHECK(outgoing.destination == everybody);
    CHECK(outgoing.packet.xid != 0);
    outgoing.packet.xid = 0x11223344;
    auto bytes = dhcp::build(outgoing.packet);
    REQUIRE(bytes);
    CHECK(bytes->size() == dhcp::padded_packet);
    CHECK(to_hex(bytes->substr(0, 44)) ==
          "010106001122334400000000"
          "00000000000000000000000000000000"
          "525400aabbcc00000000000000000000");
    // Cookie; DISCOVER; client id as iPXE's; 1472 bytes at most; "osie-init"; what is asked for.
    CHECK(to_hex(bytes->substr(236)) ==
          "63825363"
          "350101"
          "3d0701525400aabbcc"
          "390205c0"
          "3c096f7369652d696e6974"
          "370b0103060c0f1a2a33367779"
          "ff" +
              std::string(std::size_t{2} * 19, '0'));
}

TEST_CASE("DISCOVER is repeated after about 1, 2, 4, 8 and then every 16 seconds") {
    Bench bench;
    bench.client.start(bench.now);
    std::uint32_t xid = bench.sent().packet.xid;
    for (int expected : {1, 2, 4, 8, 16, 16, 16}) {
        Time before = bench.now;
        bench.to_deadline();
        Time waited = bench.now - before;
        CHECK(waited >= Time(seconds(expected)) * 7 / 8);
        CHECK(waited <= Time(seconds(expected)) * 9 / 8);
        DhcpClient::Outgoing again = bench.sent();
        CHECK(again.packet.xid == xid);
        CHECK(again.packet.options.message_type() == MessageType::discover);
        CHECK(again.packet.secs >= std::chrono::duration_cast<seconds>(waited).count());
    }
    CHECK_FALSE(bench.client.has_address());
}

TEST_CASE("The first DISCOVER is sent once more when the link settles") {
    Bench bench;
    bench.client.start(bench.now);
    std::uint32_t xid = bench.sent().packet.xid;
    bench.now += std::chrono::milliseconds(20);
    bench.client.link_changed(bench.now);
    DhcpClient::Outgoing again = bench.sent();
    CHECK(again.packet.options.message_type() == MessageType::discover);
    CHECK(again.packet.xid == xid);
    bench.client.link_changed(bench.now);
    CHECK(bench.silent());
    Time before = bench.now;
    bench.to_deadline();
    CHECK(bench.now - before <= Time(seconds(1)) * 9 / 8);
    (void)bench.sent();
    bench.answer(Bench::reply(MessageType::offer, xid));
    (void)bench.sent();
    bench.client.link_changed(bench.now);
    CHECK(bench.silent());
}

TEST_CASE("An offer is requested from the server that made it, and its ACK gives the address") {
    Bench bench;
    bench.client.start(bench.now);
    std::uint32_t xid = bench.sent().packet.xid;
    bench.answer(Bench::reply(MessageType::offer, xid));
    DhcpClient::Outgoing request = bench.sent();
    CHECK(request.packet.options.message_type() == MessageType::request);
    CHECK(request.packet.xid == xid);
    CHECK(request.packet.options.ipv4(code::requested_address) == address);
    CHECK(request.packet.options.ipv4(code::server_identifier) == server);
    CHECK(request.packet.ciaddr.is_zero());
    CHECK(request.destination == everybody);
    bench.answer(Bench::reply(MessageType::ack, xid));
    auto events = bench.client.take_events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::gained);
    CHECK(events[0].packet.yiaddr == address);
    CHECK(bench.client.deadline() == bench.now + seconds(500));
}

TEST_CASE("Packets that are not for this client's question change nothing") {
    Bench bench;
    bench.client.start(bench.now);
    std::uint32_t xid = bench.sent().packet.xid;
    dhcp::Packet offer = Bench::reply(MessageType::offer, xid);
    SECTION("another transaction") {
        offer.xid ^= 1U;
    }
    SECTION("another machine") {
        offer.set_mac(MacAddress());
    }
    SECTION("a request, not a reply") {
        offer.op = dhcp::Operation::request;
    }
    SECTION("a boot server's offer without an address") {
        offer.yiaddr = Ipv4();
    }
    SECTION("an offer without a server") {
        offer.options.remove(code::server_identifier);
    }
    SECTION("an ACK that was not asked for") {
        offer.options.set_message_type(MessageType::ack);
    }
    SECTION("no message type") {
        offer.options.remove(code::message_type);
    }
    bench.answer(offer);
    CHECK(bench.client.state() == State::selecting);
    CHECK(bench.silent());
}

TEST_CASE("A lost ACK is asked for again, and at last the search starts anew") {
    Bench bench;
    bench.client.start(bench.now);
    std::uint32_t xid = bench.sent().packet.xid;
    bench.answer(Bench::reply(MessageType::offer, xid));
    CHECK(bench.sent_type() == MessageType::request);
    for (int i = 0; i < 3; ++i) {
        bench.to_deadline();
        CHECK(bench.sent_type() == MessageType::request);
    }
    SECTION("the last answer counts") {
        bench.answer(Bench::reply(MessageType::ack, xid));
        CHECK(bench.client.state() == State::bound);
    }
    SECTION("silence") {
        bench.to_deadline();
        CHECK(bench.sent_type() == MessageType::discover);
        CHECK(bench.client.state() == State::selecting);
    }
}

TEST_CASE("A NAK starts anew at once, further ones more slowly") {
    Bench bench;
    bench.client.start(bench.now);
    bench.answer(Bench::reply(MessageType::offer, bench.sent().packet.xid));
    dhcp::Packet nak = Bench::reply(MessageType::nak, bench.sent().packet.xid);
    nak.options.set(code::message, "address in use");
    bench.answer(nak);
    auto events = bench.client.take_events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Kind::refused);
    CHECK(events[0].text == "address in use");
    DhcpClient::Outgoing discover = bench.sent();
    CHECK(discover.packet.options.message_type() == MessageType::discover);
    bench.answer(Bench::reply(MessageType::offer, discover.packet.xid));
    bench.answer(Bench::reply(MessageType::nak, bench.sent().packet.xid));
    CHECK(bench.silent());
    CHECK(bench.client.deadline() > bench.now);
    bench.to_deadline();
    CHECK(bench.sent_type() == MessageType::discover);
}

TEST_CASE("A NAK or ACK of another server than the chosen one is ignored") {
    Bench bench;
    bench.client.start(bench.now);
    std::uint32_t xid = bench.sent().packet.xid;
    bench.answer(Bench::reply(MessageType::offer, xid));
    (void)bench.sent();
    for (MessageType type : {MessageType::nak, MessageType::ack}) {
        dhcp::Packet other = Bench::reply(type, xid);
        other.options.set_ipv4(code::server_identifier, Ipv4(10, 0, 0, 2));
        bench.answer(other);
        CHECK(bench.client.state() == State::requesting);
    }
}

TEST_CASE("A lease is renewed at T1 by unicast") {
    Bench bench;
    bench.bind();
    bench.to_deadline();
    CHECK(bench.now == seconds(600));
    DhcpClient::Outgoing renewal = bench.sent();
    CHECK(bench.client.state() == State::renewing);
    CHECK(renewal.destination == server);
    CHECK(renewal.source == address);
    CHECK(renewal.packet.ciaddr == address);
    CHECK_FALSE(renewal.packet.options.has(code::requested_address));
    CHECK_FALSE(renewal.packet.options.has(code::server_identifier));
    bench.answer(Bench::reply(MessageType::ack, renewal.packet.xid));
    CHECK(bench.events() == std::vector<Kind>{Kind::renewed});
    CHECK(bench.client.deadline() == bench.now + seconds(500));
}

TEST_CASE("Without an answer a lease is rebound by broadcast and then lost") {
    Bench bench;
    bench.bind();
    while (bench.client.state() != State::rebinding) bench.to_deadline();
    CHECK(bench.now == seconds(100 + 875));
    std::vector<DhcpClient::Outgoing> packets = bench.client.take_packets();
    REQUIRE_FALSE(packets.empty());
    CHECK(packets.back().destination == everybody);
    CHECK(packets.back().packet.ciaddr == address);
    CHECK(bench.events().empty());
    SECTION("another server takes it over") {
        dhcp::Packet ack = Bench::reply(MessageType::ack, packets.back().packet.xid);
        ack.options.set_ipv4(code::server_identifier, Ipv4(10, 0, 0, 2));
        bench.answer(ack);
        CHECK(bench.events() == std::vector<Kind>{Kind::renewed});
    }
    SECTION("expiry") {
        while (bench.client.has_address()) bench.to_deadline();
        CHECK(bench.now == seconds(1100));
        CHECK(bench.events() == std::vector<Kind>{Kind::lost});
        CHECK(bench.client.take_packets().back().packet.options.message_type() ==
              MessageType::discover);
    }
}

TEST_CASE("A NAK to a renewal takes the address away") {
    Bench bench;
    bench.bind();
    bench.to_deadline();
    bench.answer(Bench::reply(MessageType::nak, bench.sent().packet.xid));
    CHECK(bench.events() == std::vector<Kind>{Kind::refused, Kind::lost});
    CHECK(bench.client.state() == State::selecting);
    CHECK(bench.sent_type() == MessageType::discover);
}

TEST_CASE("When the link returns the address is verified") {
    Bench bench;
    bench.bind();
    bench.client.link_lost();
    bench.now += seconds(20);
    bench.client.link_returned(bench.now);
    DhcpClient::Outgoing question = bench.sent();
    CHECK(bench.client.state() == State::verifying);
    CHECK(bench.client.has_address());
    CHECK(question.destination == everybody);
    CHECK(question.packet.ciaddr.is_zero());
    CHECK(question.packet.options.ipv4(code::requested_address) == address);
    CHECK_FALSE(question.packet.options.has(code::server_identifier));
    SECTION("it holds") {
        bench.answer(Bench::reply(MessageType::ack, question.packet.xid));
        CHECK(bench.events() == std::vector<Kind>{Kind::renewed});
    }
    SECTION("another one is given") {
        dhcp::Packet ack = Bench::reply(MessageType::ack, question.packet.xid);
        ack.yiaddr = Ipv4(10, 0, 0, 51);
        bench.answer(ack);
        CHECK(bench.events() == std::vector<Kind>{Kind::gained});
    }
    SECTION("it does not hold") {
        bench.answer(Bench::reply(MessageType::nak, question.packet.xid));
        CHECK(bench.events() == std::vector<Kind>{Kind::refused, Kind::lost});
    }
    SECTION("nobody answers: it is kept until it runs out") {
        while (bench.client.has_address()) bench.to_deadline();
        CHECK(bench.now == seconds(1100));
        CHECK(bench.events() == std::vector<Kind>{Kind::lost});
    }
    SECTION("a second report of the link changes nothing") {
        bench.client.link_returned(bench.now);
        CHECK(bench.silent());
    }
}

TEST_CASE("Without a link nothing is sent, but a lease still runs out") {
    Bench bench;
    bench.bind();
    bench.client.link_lost();
    CHECK(bench.client.deadline() == seconds(1100));
    bench.to_deadline();
    CHECK(bench.silent());
    CHECK(bench.events() == std::vector<Kind>{Kind::lost});
    CHECK_FALSE(bench.client.deadline());
    bench.client.link_returned(bench.now);
    CHECK(bench.sent_type() == MessageType::discover);
}

TEST_CASE("Lease times that make no sense are mended") {
    Bench bench;
    bench.client.start(bench.now);
    bench.answer(Bench::reply(MessageType::offer, bench.sent().packet.xid));
    dhcp::Packet ack = Bench::reply(MessageType::ack, bench.sent().packet.xid);
    SECTION("for ever") {
        ack.options.set_u32(code::lease_time, 0xffffffff);
        bench.answer(ack);
        CHECK_FALSE(bench.client.deadline());
    }
    SECTION("zero, as Tinkerbell's smee sends when none is set") {
        ack.options.set_u32(code::lease_time, 0);
        bench.answer(ack);
        CHECK(bench.client.deadline() == bench.now + seconds(1800));
    }
    SECTION("absent") {
        ack.options.remove(code::lease_time);
        bench.answer(ack);
        CHECK(bench.client.deadline() == bench.now + seconds(1800));
    }
    SECTION("very short") {
        ack.options.set_u32(code::lease_time, 1);
        bench.answer(ack);
        CHECK(bench.client.deadline() == bench.now + seconds(5));
    }
    SECTION("T1 and T2 as the server says") {
        ack.options.set_u32(code::renewal_time, 100);
        ack.options.set_u32(code::rebinding_time, 200);
        bench.answer(ack);
        CHECK(bench.client.deadline() == bench.now + seconds(100));
    }
    SECTION("T1 behind T2, T2 behind the end") {
        ack.options.set_u32(code::renewal_time, 5000);
        ack.options.set_u32(code::rebinding_time, 4000);
        bench.answer(ack);
        CHECK(bench.client.deadline() == bench.now + seconds(500));
    }
    CHECK(bench.client.state() == State::bound);
}

TEST_CASE("A lease counts from the request, not from its late answer") {
    Bench bench;
    bench.client.start(bench.now);
    bench.answer(Bench::reply(MessageType::offer, bench.sent().packet.xid));
    std::uint32_t xid = bench.sent().packet.xid;
    Time asked = bench.now;
    bench.now += std::chrono::milliseconds(700);
    bench.answer(Bench::reply(MessageType::ack, xid));
    CHECK(bench.client.deadline() == asked + seconds(500));
}

TEST_CASE("A stopped client is silent") {
    Bench bench;
    bench.bind();
    bench.client.stop();
    CHECK_FALSE(bench.client.deadline());
    CHECK_FALSE(bench.client.has_address());
    bench.client.link_lost();
    bench.client.link_returned(bench.now);
    bench.client.on_timer(bench.now + seconds(10000));
    CHECK(bench.silent());
}
