#pragma once

#include <optional>
#include <string>

#include "lib/dhcp/packet.hpp"
#include "server/netboot/dhcp/client.hpp"
#include "server/netboot/netboot.hpp"

namespace osiekit::netboot {

// Where a reply goes (RFC 2131 section 4.1).
struct Destination {
    enum class Way {
        unicast,    // by ordinary routing
        broadcast,  // 255.255.255.255 on the interface the packet came by
        hardware,   // to `address`, framed for chaddr: the client cannot answer ARP yet
    };
    Way way = Way::broadcast;
    Ipv4 address;
    std::uint16_t port = dhcp::client_port;
    bool operator==(const Destination&) const = default;
};

struct Arrival {
    Ipv4 source;
    std::uint16_t source_port = 0;
    std::size_t mtu = 1500;  // of the interface; bounds what option 57 may ask for
};

struct Reply {
    dhcp::Packet packet;
    Destination destination;
};

// What one packet leads to: perhaps a reply, perhaps an event, perhaps neither.
struct Outcome {
    std::optional<Reply> reply;
    std::optional<NetbootEvent> event;
    std::optional<Client> client;  // of a known machine
    std::optional<Machine> machine;
};

// The DHCPv4 server without its sockets. Reservations only, by hardware address, authoritative for
// them (a REQUEST for another address gets a NAK); machines without one get no answer. No state
// between packets: an offer binds nothing, and nothing is written before an ACK. Sources: RFC 2131,
// 2132, 3046 and 5107 (relays), 6842 (client identifier), 4578 (PXE).
Outcome respond(const dhcp::Packet& packet, const Arrival& arrival, const Settings& settings,
                const ipxe::Binaries& binaries, const MachineLookup& lookup);

}  // namespace osiekit::netboot
