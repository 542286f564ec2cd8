#include "init/network/dhcp_client.hpp"

#include <algorithm>
#include <array>

namespace osiekit::init {
namespace {

namespace code = dhcp::code;
using Time = DhcpClient::Time;
using std::chrono::seconds;

constexpr Ipv4 everybody(255, 255, 255, 255);
constexpr unsigned largest_shift = 4;     // 16 s between two DISCOVERs at most
constexpr unsigned request_attempts = 4;  // then the server is taken for gone
constexpr std::uint32_t endless = 0xffffffff;
constexpr std::uint32_t default_lease_s = 3600;  // of servers that say nothing, or 0
constexpr std::uint32_t smallest_lease_s = 10;
constexpr Time smallest_renewal_interval = seconds(5);
constexpr std::uint16_t largest_message = 1472;  // an Ethernet frame's UDP payload
constexpr std::uint16_t longest_secs = 0xffff;

// What this client can use, and asks for.
constexpr std::array<std::uint8_t, 11> requested = {
    code::subnet_mask,       code::router,        code::domain_name_server,    code::host_name,
    code::domain_name,       code::interface_mtu, code::ntp_servers,           code::lease_time,
    code::server_identifier, code::domain_search, code::classless_static_route};

}  // namespace

bool DhcpClient::has_address() const {
    return state_ == State::bound || state_ == State::renewing || state_ == State::rebinding ||
           state_ == State::verifying;
}

void DhcpClient::start(Time now) {
    expiry_ = renew_ = rebind_ = std::nullopt;
    connected_ = true;
    refusals_ = 0;
    discover(now);
}

void DhcpClient::stop() {
    state_ = State::stopped;
    next_ = expiry_ = renew_ = rebind_ = std::nullopt;
}

void DhcpClient::link_lost() {
    connected_ = false;
}

void DhcpClient::link_returned(Time now) {
    if (connected_) return;
    connected_ = true;
    if (state_ == State::stopped) return;
    if (has_address())
        begin(State::verifying, now);
    else
        discover(now);
}

void DhcpClient::link_changed(Time now) {
    if (!connected_) return link_returned(now);
    if (state_ != State::selecting || attempts_ != 1 || sent_again_) return;
    sent_again_ = true;
    attempts_ = 0;
    send(now);
}

void DhcpClient::discover(Time now) {
    begin(State::selecting, now);
}

// A new transaction; its first message goes out at once.
void DhcpClient::begin(State state, Time now) {
    state_ = state;
    xid_ = static_cast<std::uint32_t>(random_()) ^ static_cast<std::uint32_t>(random_()) << 16U;
    attempts_ = 0;
    sent_again_ = false;
    began_ = now;
    next_ = now;
    if (connected_) send(now);
}

Time DhcpClient::back_off() {
    unsigned shift = std::min(attempts_ == 0 ? 0 : attempts_ - 1, largest_shift);
    Time delay = seconds(1U << shift);
    auto spread = static_cast<std::uint32_t>(delay.count() / 4);
    return delay - Time(spread / 2) + Time(static_cast<std::uint32_t>(random_()) % (spread + 1));
}

Time DhcpClient::retry_before(Time now, Time limit) const {
    return now + std::max((limit - now) / 2, smallest_renewal_interval);
}

dhcp::Packet DhcpClient::message(dhcp::MessageType type, Time now) const {
    dhcp::Packet packet;
    packet.op = dhcp::Operation::request;
    packet.xid = xid_;
    packet.secs = static_cast<std::uint16_t>(std::min<std::int64_t>(
        std::chrono::duration_cast<seconds>(now - began_).count(), longest_secs));
    packet.set_mac(mac_);
    packet.options.set_message_type(type);
    // As iPXE identifies itself, so that both get the same reservation.
    packet.options.set(code::client_identifier, '\1' + mac_.bytes());
    packet.options.set_u16(code::maximum_message_size, largest_message);
    packet.options.set(code::vendor_class, "osie-init");
    packet.options.set(code::parameter_request_list, {requested.begin(), requested.end()});
    return packet;
}

void DhcpClient::send(Time now) {
    ++attempts_;
    sent_ = now;
    next_ = now + back_off();
    dhcp::Packet packet = message(
        state_ == State::selecting ? dhcp::MessageType::discover : dhcp::MessageType::request, now);
    Ipv4 source;
    Ipv4 destination = everybody;
    switch (state_) {
        case State::requesting:
            packet.options.set_ipv4(code::requested_address, offer_.yiaddr);
            packet.options.set_ipv4(code::server_identifier,
                                    offer_.options.ipv4(code::server_identifier).value_or(Ipv4()));
            break;
        case State::verifying:
            packet.options.set_ipv4(code::requested_address, lease_.yiaddr);
            break;
        case State::renewing:
            destination = lease_.options.ipv4(code::server_identifier).value_or(everybody);
            next_ = retry_before(now, rebind_.value_or(now));
            [[fallthrough]];
        case State::rebinding:
            packet.ciaddr = source = lease_.yiaddr;
            if (state_ == State::rebinding) next_ = retry_before(now, expiry_.value_or(now));
            break;
        case State::selecting:
        case State::bound:
        case State::stopped:
            break;
    }
    packets_.push_back({std::move(packet), source, destination});
}

std::optional<Time> DhcpClient::deadline() const {
    std::optional<Time> earliest;
    auto consider = [&earliest](std::optional<Time> time) {
        if (time && (!earliest || *time < *earliest)) earliest = time;
    };
    if (connected_ && state_ != State::bound && state_ != State::stopped) consider(next_);
    if (connected_ && state_ == State::bound) consider(renew_);
    if (connected_ && state_ == State::renewing) consider(rebind_);
    if (has_address()) consider(expiry_);
    return earliest;
}

void DhcpClient::on_timer(Time now) {
    if (has_address() && expiry_ && now >= *expiry_) return lose(now);
    if (!connected_) return;
    if (state_ == State::bound && renew_ && now >= *renew_) return begin(State::renewing, now);
    if (state_ == State::renewing && rebind_ && now >= *rebind_)
        return begin(State::rebinding, now);
    if (state_ == State::bound || state_ == State::stopped || !next_ || now < *next_) return;
    if (state_ == State::requesting && attempts_ >= request_attempts) return discover(now);
    send(now);
}

void DhcpClient::on_packet(Time now, const dhcp::Packet& packet) {
    if (packet.op != dhcp::Operation::reply || packet.xid != xid_ || packet.mac() != mac_) return;
    std::optional<dhcp::MessageType> type = packet.options.message_type();
    if (type == dhcp::MessageType::offer && state_ == State::selecting) on_offer(now, packet);
    bool asked = state_ == State::requesting || state_ == State::renewing ||
                 state_ == State::rebinding || state_ == State::verifying;
    if (type == dhcp::MessageType::ack && asked) on_ack(now, packet);
    if (type == dhcp::MessageType::nak && asked) on_nak(now, packet);
}

void DhcpClient::on_offer(Time now, const dhcp::Packet& packet) {
    // An offer without an address comes from a boot server beside the DHCP server (proxy DHCP).
    if (packet.yiaddr.is_zero() || !packet.options.ipv4(code::server_identifier)) return;
    offer_ = packet;
    state_ = State::requesting;  // the same transaction goes on
    attempts_ = 0;
    send(now);
}

void DhcpClient::on_ack(Time now, const dhcp::Packet& packet) {
    if (packet.yiaddr.is_zero()) return;
    bool chosen = state_ == State::requesting;
    if (chosen && packet.options.ipv4(code::server_identifier) !=
                      offer_.options.ipv4(code::server_identifier))
        return;
    bool same = !chosen && packet.yiaddr == lease_.yiaddr;
    take_times(sent_, packet);
    lease_ = packet;
    state_ = State::bound;
    next_ = std::nullopt;
    refusals_ = 0;
    events_.push_back({same ? Event::Kind::renewed : Event::Kind::gained, packet, {}});
    // An answer that took longer than its lease.
    if (expiry_ && now >= *expiry_) lose(now);
}

void DhcpClient::on_nak(Time now, const dhcp::Packet& packet) {
    std::optional<Ipv4> server = packet.options.ipv4(code::server_identifier);
    if (state_ == State::requesting && server != offer_.options.ipv4(code::server_identifier))
        return;
    events_.push_back(
        {Event::Kind::refused, packet, packet.options.text(code::message).value_or("")});
    ++refusals_;
    if (has_address())
        lose(now);
    else
        discover(now);
    // Two servers that disagree could keep this going as fast as packets travel.
    if (refusals_ <= 1) return;
    packets_.clear();
    next_ = now + back_off() * refusals_;
    attempts_ = std::min(refusals_, largest_shift);
}

void DhcpClient::lose(Time now) {
    events_.push_back({Event::Kind::lost, lease_, {}});
    expiry_ = renew_ = rebind_ = std::nullopt;
    discover(now);
}

void DhcpClient::take_times(Time from, const dhcp::Packet& ack) {
    renew_ = rebind_ = expiry_ = std::nullopt;
    std::uint32_t lease = ack.options.u32(code::lease_time).value_or(0);
    if (lease == endless) return;
    if (lease == 0) lease = default_lease_s;
    lease = std::max(lease, smallest_lease_s);
    std::uint32_t t1 = ack.options.u32(code::renewal_time).value_or(0);
    std::uint32_t t2 = ack.options.u32(code::rebinding_time).value_or(0);
    if (t2 == 0 || t2 >= lease) t2 = lease - lease / 8;
    if (t1 == 0 || t1 >= t2) t1 = std::min(lease / 2, t2 - 1);
    renew_ = from + seconds(t1);
    rebind_ = from + seconds(t2);
    expiry_ = from + seconds(lease);
}

}  // namespace osiekit::init
