#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "lib/dhcp/packet.hpp"

namespace osiekit::init {

// A DHCPv4 client (RFC 2131 section 4.4) as a pure state machine: packets and the time go in,
// packets and events come out; no sockets and no clock in here. The owner calls on_timer() at
// deadline(), and sends what take_packets() gives.
//
//   selecting --OFFER--> requesting --ACK--> bound --T1--> renewing --T2--> rebinding
//       ^                    |                 |                               |
//       +---- NAK, silence --+                 +--link back--> verifying       |
//       +-------------------------- NAK, expiry --------------------------------+
//
// It never gives up: DISCOVER goes out after 1, 2, 4, 8 and then every 16 s, each ± 1/8.
class DhcpClient {
  public:
    using Time = std::chrono::milliseconds;  // since any fixed moment

    enum class State { stopped, selecting, requesting, bound, renewing, rebinding, verifying };

    struct Outgoing {
        dhcp::Packet packet;
        Ipv4 source;       // 0.0.0.0 while there is no address
        Ipv4 destination;  // 255.255.255.255: broadcast
    };
    struct Event {
        enum class Kind {
            gained,   // an address, in `packet` (the ACK); also when another one replaces the old
            renewed,  // the same address; other options may have changed
            lost,     // the address must not be used any more; looking for another
            refused,  // a NAK came; `text` says why, if the server did
        };
        Kind kind = Kind::gained;
        dhcp::Packet packet;
        std::string text;
    };

    // `seed` makes transaction numbers and jitter; it should differ between machines.
    DhcpClient(MacAddress mac, std::uint32_t seed) : mac_(mac), random_(seed) {}

    // Begins to look for an address, whatever came before (an address in use is forgotten).
    void start(Time now);
    void stop();
    // The cable was out: nothing is sent until it is back, but a lease goes on running out.
    void link_lost();
    // The cable is in again, perhaps in another network: asks whether the address still holds.
    void link_returned(Time now);
    // The kernel said something about a link that is up. Its first notice comes before packets are
    // really let through, and the first DISCOVER may have been dropped: it is sent once more.
    void link_changed(Time now);
    void on_packet(Time now, const dhcp::Packet& packet);
    void on_timer(Time now);

    State state() const { return state_; }
    bool has_address() const;
    // When on_timer() wants to be called.
    std::optional<Time> deadline() const;
    std::vector<Outgoing> take_packets() { return std::exchange(packets_, {}); }
    std::vector<Event> take_events() { return std::exchange(events_, {}); }

  private:
    void discover(Time now);
    void begin(State state, Time now);
    void send(Time now);
    dhcp::Packet message(dhcp::MessageType type, Time now) const;
    void on_offer(Time now, const dhcp::Packet& packet);
    void on_ack(Time now, const dhcp::Packet& packet);
    void on_nak(Time now, const dhcp::Packet& packet);
    void lose(Time now);
    void take_times(Time now, const dhcp::Packet& ack);
    Time back_off();
    Time retry_before(Time now, Time limit) const;

    MacAddress mac_;
    std::minstd_rand random_;
    State state_ = State::stopped;
    bool connected_ = true;
    std::uint32_t xid_ = 0;
    bool sent_again_ = false;   // by link_changed(), once a transaction
    unsigned attempts_ = 0;     // transmissions of the present message
    unsigned refusals_ = 0;     // NAKs in a row
    Time began_{};              // of the transaction, for `secs`
    Time sent_{};               // of the last transmission: a lease counts from there
    std::optional<Time> next_;  // transmission
    dhcp::Packet offer_;
    dhcp::Packet lease_;         // the last ACK
    std::optional<Time> renew_;  // none of the three for a lease without end
    std::optional<Time> rebind_;
    std::optional<Time> expiry_;
    std::vector<Outgoing> packets_;
    std::vector<Event> events_;
};

}  // namespace osiekit::init
