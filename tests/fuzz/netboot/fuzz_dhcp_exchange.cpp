// A datagram to the DHCP server: the reply, if there is one, can be built, stays within the size
// that the client takes, and is read back as it was meant.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/netboot/dhcp/reply_options.hpp"
#include "server/netboot/dhcp/responder.hpp"

using namespace osiekit;
using namespace osiekit::netboot;

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

std::optional<Machine> any_machine(const MacAddress& mac) {
    Machine machine;
    machine.mac = mac;
    machine.address = Ipv4(192, 0, 2, 20);
    machine.netmask = Ipv4(255, 255, 255, 0);
    machine.gateway = Ipv4(192, 0, 2, 254);
    machine.hostname = "node";
    machine.domain_search = {"a.example", "b.example"};
    machine.ipxe_binary = "ipxe.efi";
    return machine;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto packet = dhcp::parse({reinterpret_cast<const char*>(data), size});
    if (!packet) return 0;
    Settings settings;
    settings.address = Ipv4(192, 0, 2, 1);
    settings.public_http_url = "http://192.0.2.1:7080";
    Arrival arrival;
    auto outcome = respond(*packet, arrival, settings, {}, any_machine);
    if (!outcome.reply) return 0;
    auto bytes = dhcp::build(outcome.reply->packet);
    require(bytes.ok());
    auto relay = packet->options.get(dhcp::code::relay_agent_information).value_or("");
    // What a relay added must be echoed whatever its size.
    require(bytes->size() <= reply_limit(*packet, arrival.mtu) + dhcp::encoded_size(relay.size()));
    auto back = dhcp::parse(*bytes);
    require(back.ok() && back->op == dhcp::Operation::reply && back->xid == packet->xid);
    require(back->options.get(dhcp::code::relay_agent_information).value_or("") == relay);
    return 0;
}
