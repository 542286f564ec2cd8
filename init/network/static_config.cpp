#include "init/network/static_config.hpp"

#include <array>

#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr std::size_t field_count = 9;
constexpr std::uint64_t largest_vlan = 4094;

Error wrong(std::string_view field, std::string_view value) {
    return {ErrorKind::invalid_input, "ipam: the field " + std::string(field) +
                                          " has an unusable value '" + printable(value, 80) + "'"};
}

Result<Ipv4> address(std::string_view field, std::string_view text) {
    std::optional<Ipv4> value = Ipv4::parse(text);
    if (!value) return wrong(field, text);
    return *value;
}

std::vector<std::string_view> entries(std::string_view text) {
    std::vector<std::string_view> list;
    for (std::string_view entry : split(text, ','))
        if (!trim(entry).empty()) list.push_back(trim(entry));
    return list;
}

Status read_addresses(const std::array<std::string_view, field_count>& fields,
                      StaticConfig& config) {
    std::optional<MacAddress> mac = MacAddress::parse(fields[0]);
    if (!mac) return wrong("mac", fields[0]);
    config.mac = *mac;
    if (!fields[1].empty()) {
        std::optional<std::uint64_t> vlan = parse_u64(fields[1]);
        if (!vlan || *vlan > largest_vlan) return wrong("vlan", fields[1]);
        if (*vlan != 0) config.vlan_id = static_cast<std::uint16_t>(*vlan);
    }
    OSIEKIT_ASSIGN(config.network.address, address("ip", fields[2]));
    if (config.network.address.is_zero()) return wrong("ip", fields[2]);
    OSIEKIT_ASSIGN(Ipv4 netmask, address("netmask", fields[3]));
    std::optional<unsigned> prefix = netmask.prefix_length();
    if (!prefix || *prefix == 0) return wrong("netmask", fields[3]);
    config.network.prefix_length = *prefix;
    if (!fields[4].empty()) {
        OSIEKIT_ASSIGN(Ipv4 gateway, address("gateway", fields[4]));
        if (!gateway.is_zero()) config.network.routes.push_back({Ipv4(), 0, gateway});
    }
    return {};
}

Status read_names(const std::array<std::string_view, field_count>& fields, StaticConfig& config) {
    if (!fields[5].empty() && !usable_hostname(fields[5])) return wrong("hostname", fields[5]);
    config.network.hostname = fields[5];
    for (std::string_view entry : entries(fields[6])) {
        OSIEKIT_ASSIGN(Ipv4 server, address("dns", entry));
        config.network.nameservers.push_back(server);
    }
    for (std::string_view entry : entries(fields[7])) {
        if (!usable_domain(entry)) return wrong("search", entry);
        config.network.search.emplace_back(entry);
    }
    for (std::string_view entry : entries(fields[8])) {
        if (std::optional<Ipv4> server = Ipv4::parse(entry))
            config.network.ntp.push_back(*server);
        else if (usable_domain(entry))
            config.ntp_names.emplace_back(entry);
        else
            return wrong("ntp", entry);
    }
    return {};
}

}  // namespace

Result<StaticConfig> parse_ipam(std::string_view text) {
    if (text.size() > largest_ipam)
        return Error(ErrorKind::limit,
                     "ipam: longer than " + std::to_string(largest_ipam) + " bytes");
    std::vector<std::string_view> parts = split(text, ':');
    if (parts.size() < 4 || parts.size() > field_count)
        return Error(ErrorKind::invalid_input, "ipam: " + std::to_string(parts.size()) +
                                                   " fields, expected 4 to 9 with ':' between")
            .hint("write the MAC address with dashes");
    std::array<std::string_view, field_count> fields{};
    for (std::size_t i = 0; i < parts.size(); ++i) fields[i] = trim(parts[i]);
    StaticConfig config;
    OSIEKIT_TRY(read_addresses(fields, config));
    OSIEKIT_TRY(read_names(fields, config));
    return config;
}

}  // namespace osiekit::init
