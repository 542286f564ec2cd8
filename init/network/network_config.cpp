#include "init/network/network_config.hpp"

#include <algorithm>
#include <cctype>

#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

namespace code = dhcp::code;

constexpr std::size_t largest_hostname = 64;
constexpr std::size_t largest_domain = 253;
constexpr std::uint16_t smallest_mtu = 576;  // RFC 791: what every host must take
constexpr std::size_t resolver_limit = 3;    // name servers that libc's resolver looks at

unsigned prefix_of_class(Ipv4 address) {
    std::uint32_t first = address.value() >> 24U;
    if (first < 128) return 8;
    return first < 192 ? 16 : 24;
}

bool name_characters(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
    });
}

std::vector<Ipv4> usable(std::vector<Ipv4> list) {
    std::erase_if(list, [](Ipv4 address) { return address.is_zero(); });
    return list;
}

void read_routes(const dhcp::Options& options, NetworkConfig& config) {
    if (auto bytes = options.get(code::classless_static_route)) {
        if (auto routes = dhcp::parse_routes(*bytes); routes && !routes->empty()) {
            config.routes = std::move(*routes);
            return;
        }
    }
    std::optional<Ipv4> router = options.ipv4(code::router);
    if (router && !router->is_zero()) config.routes.push_back({Ipv4(), 0, *router});
}

void read_search(const dhcp::Options& options, NetworkConfig& config) {
    if (auto bytes = options.get(code::domain_search))
        if (auto names = dhcp::parse_domain_search(*bytes)) config.search = std::move(*names);
    if (!config.search.empty()) return;
    // Some servers put several names into option 15.
    std::string domain = options.text(code::domain_name).value_or("");
    for (std::string_view name : split_words(domain))
        if (usable_domain(name)) config.search.emplace_back(name);
}

}  // namespace

bool usable_hostname(std::string_view name) {
    return !name.empty() && name.size() <= largest_hostname && name.front() != '-' &&
           name.front() != '.' && name.find('_') == std::string_view::npos && name_characters(name);
}

bool usable_domain(std::string_view name) {
    return !name.empty() && name.size() <= largest_domain && name.front() != '.' &&
           name_characters(name);
}

NetworkConfig config_of(const dhcp::Packet& ack) {
    const dhcp::Options& options = ack.options;
    NetworkConfig config;
    config.address = ack.yiaddr;
    std::optional<Ipv4> mask = options.ipv4(code::subnet_mask);
    config.prefix_length = (mask && !mask->is_zero() ? mask->prefix_length() : std::nullopt)
                               .value_or(prefix_of_class(ack.yiaddr));
    read_routes(options, config);
    read_search(options, config);
    config.nameservers = usable(options.ipv4_list(code::domain_name_server));
    config.ntp = usable(options.ipv4_list(code::ntp_servers));
    std::string hostname = options.text(code::host_name).value_or("");
    if (usable_hostname(hostname)) config.hostname = std::move(hostname);
    std::optional<std::uint16_t> mtu = options.u16(code::interface_mtu);
    if (mtu && *mtu >= smallest_mtu) config.mtu = mtu;
    return config;
}

std::string render_resolv_conf(const NetworkConfig& config) {
    std::string text;
    if (!config.search.empty()) text += "search " + join(config.search, " ") + "\n";
    std::size_t count = std::min(config.nameservers.size(), resolver_limit);
    for (std::size_t i = 0; i < count; ++i)
        text += "nameserver " + config.nameservers[i].to_string() + "\n";
    return text + "options timeout:2 attempts:3\n";
}

std::string render_hosts(const std::string& hostname, const NetworkConfig& config) {
    std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
    if (!config.address.is_zero() && !hostname.empty()) {
        std::string line = config.address.to_string();
        if (hostname.find('.') == std::string::npos && !config.search.empty())
            line += " " + hostname + "." + config.search[0];
        text += line + " " + hostname + "\n";
    }
    return text;
}

}  // namespace osiekit::init
