#include "server/netboot/dhcp/reply_options.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/dhcp/values.hpp"

namespace osiekit::netboot {
namespace {

namespace code = dhcp::code;
using dhcp::MessageType;

constexpr std::size_t ip_and_udp_header = 28;
constexpr std::size_t smallest_message_size = 576;  // RFC 2132 section 9.10
constexpr std::size_t uuid_option_size = 17;
constexpr std::uint8_t discovery_control = 6;  // sub-option of 43
constexpr std::uint8_t no_proxy_dhcp = 176;    // sub-option of 175
constexpr std::size_t longest_text = 255;

// Adds options as long as they fit.
class Filler {
  public:
    Filler(dhcp::Packet& reply, std::size_t limit, std::size_t reserved) : reply_(reply) {
        const std::size_t fixed = dhcp::smallest_packet + 1 + reserved;  // 1: end marker
        left_ = limit > fixed ? limit - fixed : 0;
    }
    void add(std::uint8_t code, std::string value) {
        auto size = dhcp::encoded_size(value.size());
        if (size > left_ || reply_.options.has(code)) return;
        left_ -= size;
        reply_.options.set(code, std::move(value));
    }
    void add_seconds(std::uint8_t code, std::uint32_t value) {
        add(code, Ipv4(value).bytes());  // the same four bytes
    }
    void add_address(std::uint8_t code, Ipv4 address) {
        if (!address.is_zero()) add(code, address.bytes());
    }
    void add_addresses(std::uint8_t code, const std::vector<Ipv4>& addresses) {
        std::string bytes;
        for (auto address : addresses) bytes += address.bytes();
        if (!bytes.empty()) add(code, std::move(bytes));
    }
    void add_text(std::uint8_t code, const std::string& text) {
        if (!text.empty() && text.size() <= longest_text) add(code, text);
    }

  private:
    dhcp::Packet& reply_;
    std::size_t left_ = 0;
};

void add_boot(const dhcp::Packet& question, const BootInfo& boot, dhcp::Packet& reply,
              Filler& filler) {
    filler.add_text(code::vendor_class, boot.vendor_class);
    if (boot.file.empty()) return;
    reply.siaddr = boot.next_server;
    // Most ROMs read the field only; a longer name than it holds travels in option 67 alone.
    if (boot.file.size() < dhcp::file_size) reply.file = boot.file;
    filler.add_text(code::bootfile_name, boot.file);
    filler.add_text(code::tftp_server_name, boot.server_name);
    if (boot.skip_discovery) {
        dhcp::Options control;
        control.set_u8(discovery_control, 8);
        filler.add(code::vendor_specific, dhcp::encode_options(control, true));
    }
    if (boot.no_proxy_dhcp) {
        dhcp::Options ipxe;
        ipxe.set_u8(no_proxy_dhcp, 1);
        filler.add(code::ipxe_encapsulated, dhcp::encode_options(ipxe, false));
    }
    auto uuid = question.options.get(code::client_uuid);
    if (uuid && uuid->size() == uuid_option_size) filler.add(code::client_uuid, std::string(*uuid));
}

void add_network(const Machine& machine, Filler& filler) {
    filler.add_address(code::subnet_mask, machine.netmask);
    filler.add_address(code::router, machine.gateway);
    filler.add_addresses(code::domain_name_server, machine.name_servers);
}

void add_rest(const dhcp::Packet& question, const Machine& machine, Filler& filler) {
    filler.add_text(code::host_name, machine.hostname);
    filler.add_text(code::domain_name, machine.domain);
    filler.add_addresses(code::ntp_servers, machine.time_servers);
    if (!machine.netmask.is_zero())
        filler.add_address(code::broadcast_address,
                           Ipv4(machine.address.value() | ~machine.netmask.value()));
    if (!machine.domain_search.empty())
        if (auto names = dhcp::encode_domain_search(machine.domain_search))
            filler.add(code::domain_search, std::move(names).value());
    // A client that asks for option 121 ignores option 3 (RFC 3442), so the default route is there.
    auto asked = question.options.get(code::parameter_request_list).value_or("");
    bool wants_routes =
        asked.find(static_cast<char>(code::classless_static_route)) != std::string_view::npos;
    if (wants_routes && !machine.gateway.is_zero())
        filler.add(code::classless_static_route,
                   dhcp::encode_routes({{Ipv4(), 0, machine.gateway}}));
}

void add_lease(const Machine& machine, Filler& filler) {
    auto lease = machine.lease_seconds == 0 ? default_lease_seconds : machine.lease_seconds;
    filler.add_seconds(code::lease_time, lease);
    filler.add_seconds(code::renewal_time, lease / 2);
    filler.add_seconds(code::rebinding_time, lease - lease / 8);
}

}  // namespace

std::size_t reply_limit(const dhcp::Packet& question, std::size_t mtu) {
    auto asked = question.options.u16(code::maximum_message_size);
    if (!asked) return dhcp::default_reply_limit;
    auto most = std::max(mtu, smallest_message_size);
    return std::clamp<std::size_t>(*asked, smallest_message_size, most) - ip_and_udp_header;
}

void fill_options(const dhcp::Packet& question, const ReplyPlan& plan, dhcp::Packet& reply) {
    auto relay = question.options.get(code::relay_agent_information);
    bool echo_relay = relay && !relay->empty();
    Filler filler(reply, plan.size_limit, echo_relay ? dhcp::encoded_size(relay->size()) : 0);
    filler.add(code::message_type, std::string(1, static_cast<char>(plan.type)));
    filler.add(code::server_identifier, plan.server_identifier.bytes());
    auto identifier = question.options.get(code::client_identifier);  // RFC 6842
    if (plan.type == MessageType::nak) {
        if (identifier) filler.add(code::client_identifier, std::string(*identifier));
        filler.add_text(code::message,
                        "this machine's address is " + plan.machine.address.to_string());
    } else {
        if (!plan.is_inform) add_lease(plan.machine, filler);
        add_network(plan.machine, filler);
        if (identifier) filler.add(code::client_identifier, std::string(*identifier));
        add_boot(question, plan.boot, reply, filler);
        add_rest(question, plan.machine, filler);
    }
    if (echo_relay) reply.options.set(code::relay_agent_information, std::string(*relay));
}

}  // namespace osiekit::netboot
