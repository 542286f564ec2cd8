#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "init/network/dhcp_client.hpp"
#include "init/network/network_config.hpp"
#include "init/system/clock.hpp"
#include "lib/bridge/bridge.hpp"
#include "lib/dhcp/udp_frame.hpp"
#include "lib/netlink/link.hpp"

using namespace osiekit;

namespace {

// Through a client that takes every transaction for its own.
void drive_client(dhcp::Packet packet) {
    init::DhcpClient client(MacAddress{}, 1);
    std::chrono::milliseconds now(0);
    client.start(now);
    packet.op = dhcp::Operation::reply;
    packet.set_mac({});
    for (int i = 0; i < 8; ++i) {
        for (const auto& outgoing : client.take_packets()) packet.xid = outgoing.packet.xid;
        client.on_packet(now, packet);
        packet.options.set_message_type(i % 2 == 0 ? dhcp::MessageType::ack
                                                   : dhcp::MessageType::nak);
        if (auto deadline = client.deadline()) {
            now = std::max(now, *deadline);
            client.on_timer(now);
        }
    }
}

}  // namespace

// What strangers on the network can send: a frame, a DHCP packet, an SNTP answer; and what the
// kernel reports.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)dhcp::decode_udp(bytes, true);
    (void)init::parse_sntp_reply(bytes, 0);
    for (const NetlinkReply& reply : parse_netlink(bytes)) {
        (void)parse_link(reply.payload);
        if (auto route = bridge::parse_route(reply.payload); route && route->prefix_length > 32)
            std::abort();
    }
    (void)bridge::name_servers(bytes);
    (void)bridge::read_bridge_note(bytes);
    auto packet = dhcp::parse(bytes);
    if (!packet) return 0;
    init::NetworkConfig config = init::config_of(*packet);
    if (config.prefix_length > 32) std::abort();
    (void)init::render_resolv_conf(config);
    drive_client(*packet);
    return 0;
}
