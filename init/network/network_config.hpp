#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"
#include "lib/dhcp/packet.hpp"
#include "lib/dhcp/values.hpp"

namespace osiekit::init {

// What one interface is to be given, whether by a lease or by hand.
struct NetworkConfig {
    Ipv4 address;
    unsigned prefix_length = 24;
    std::vector<dhcp::Route> routes;  // the default route is 0.0.0.0/0
    std::vector<Ipv4> nameservers;
    std::vector<std::string> search;
    std::string hostname;  // empty: not told
    std::vector<Ipv4> ntp;
    std::optional<std::uint16_t> mtu;
    bool operator==(const NetworkConfig&) const = default;
};

// The configuration in a DHCP ACK. Values that make no sense are left out: a stranger's packet must
// not keep the machine from coming up. Routes of option 121 replace the router of option 3 (RFC
// 3442). Without a netmask the address's class decides.
NetworkConfig config_of(const dhcp::Packet& ack);

// A host name (RFC 1123: letters, digits, '-', '.'; at most 64 bytes, Linux's limit).
bool usable_hostname(std::string_view name);
// A DNS domain fit for resolv.conf.
bool usable_domain(std::string_view name);

std::string render_resolv_conf(const NetworkConfig& config);
std::string render_hosts(const std::string& hostname, const NetworkConfig& config);

}  // namespace osiekit::init
