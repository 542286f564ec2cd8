#include "lib/bridge/subnet.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "lib/base/text.hpp"
#include "lib/netlink/message.hpp"

namespace osiekit::bridge {
namespace {

// 172.30.N.0, 10.231.N.0 and 192.168.(200 + N).0
constexpr std::array<std::uint32_t, 3> families = {0xac1e0000, 0x0ae70000, 0xc0a8c800};

}  // namespace

bool overlap(const Subnet& one, const Subnet& other) {
    std::uint32_t mask = Ipv4::netmask(std::min(one.prefix_length, other.prefix_length)).value();
    return (one.address.value() & mask) == (other.address.value() & mask);
}

std::optional<Subnet> free_subnet(const std::vector<Subnet>& used) {
    for (std::uint32_t family : families)
        for (std::uint32_t number = 0; number < most_bridges; ++number) {
            Subnet wanted{Ipv4(family + (number << 8U)), bridge_prefix_length};
            bool taken = std::any_of(used.begin(), used.end(), [&](const Subnet& one) {
                return one.prefix_length > 0 && overlap(one, wanted);
            });
            if (!taken) return wanted;
        }
    return std::nullopt;
}

std::vector<Ipv4> name_servers(std::string_view resolv_conf) {
    std::vector<Ipv4> servers;
    for (std::string_view line : split(resolv_conf, '\n')) {
        auto words = split_words(line);
        if (words.size() < 2 || words[0] != "nameserver") continue;
        if (auto address = Ipv4::parse(words[1])) servers.push_back(*address);
    }
    return servers;
}

std::optional<Subnet> parse_route(std::string_view payload) {
    rtmsg info{};
    if (!read_struct(payload, info) || info.rtm_family != AF_INET ||
        info.rtm_dst_len > address_bits)
        return std::nullopt;
    if (info.rtm_table != RT_TABLE_MAIN && info.rtm_table != RT_TABLE_LOCAL) return std::nullopt;
    Subnet subnet{Ipv4(), info.rtm_dst_len};
    for (const auto& [type, value] : parse_attributes(payload.substr(sizeof info)))
        if (type == RTA_DST) {
            auto address = Ipv4::from_bytes(value);
            if (!address) return std::nullopt;
            subnet.address = *address;
        }
    return subnet;
}

}  // namespace osiekit::bridge
