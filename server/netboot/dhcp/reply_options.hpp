#pragma once

#include <cstddef>

#include "lib/dhcp/packet.hpp"
#include "server/netboot/dhcp/client.hpp"
#include "server/netboot/netboot.hpp"

namespace osiekit::netboot {

struct ReplyPlan {
    dhcp::MessageType type = dhcp::MessageType::offer;
    bool is_inform = false;
    Ipv4 server_identifier;
    const Machine& machine;
    const BootInfo& boot;
    std::size_t size_limit = dhcp::default_reply_limit;  // of the UDP payload
};

// How large a reply may be: option 57 within what the interface carries, 548 bytes without it.
// OVMF asks for 65280.
std::size_t reply_limit(const dhcp::Packet& question, std::size_t mtu);

// Sets siaddr, file and the options of an OFFER, ACK or NAK. Options come by importance and those
// that no longer fit are left out; option 82 is echoed and stands last (RFC 3046 section 2.2).
void fill_options(const dhcp::Packet& question, const ReplyPlan& plan, dhcp::Packet& reply);

}  // namespace osiekit::netboot
