#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"
#include "lib/netlink/socket.hpp"

namespace osiekit {

// A network interface as the kernel describes it (RTM_NEWLINK).
struct Link {
    int index = 0;
    std::string name;
    std::string alias;  // a note that somebody attached to it (ip link set … alias)
    MacAddress mac;
    int master = 0;         // the interface that it is a port of; 0: none
    bool ethernet = false;  // ARPHRD_ETHER with a six-byte address
    bool hardware = false;  // not a bridge, VLAN, tunnel or other software device
    bool up = false;        // switched on
    bool carrier = false;   // connected
    bool operator==(const Link&) const = default;
};

// A request about a link, or for a new one (index 0): RTM_NEWLINK, RTM_SETLINK or RTM_DELLINK, with
// these flags beside NLM_F_ACK. The link's flags in `set` (IFF_UP) are switched on.
NetlinkMessage link_message(std::uint16_t type, unsigned flags, int index, unsigned set = 0);
// A request for or against an IPv4 address of a link: RTM_NEWADDR, RTM_DELADDR.
NetlinkMessage address_message(std::uint16_t type, unsigned flags, int index, Ipv4 address,
                               unsigned prefix_length);

// The payload of RTM_NEWLINK or RTM_DELLINK.
std::optional<Link> parse_link(std::string_view payload);

// All interfaces of the socket's network namespace.
Result<std::vector<Link>> list_links(NetlinkSocket& socket);

// A non-blocking socket on which changes of links are announced.
Result<Fd> open_link_events();

}  // namespace osiekit
