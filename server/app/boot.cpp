#include "server/app/boot.hpp"

#include "lib/base/text.hpp"

namespace osiekit::server {
namespace {

Ipv4 ipv4(const std::string& text) {
    return Ipv4::parse(text).value_or(Ipv4());
}

std::vector<Ipv4> ipv4_list(const std::vector<std::string>& texts) {
    std::vector<Ipv4> result;
    for (const auto& text : texts)
        if (auto address = Ipv4::parse(text)) result.push_back(*address);
    return result;
}

}  // namespace

netboot::BootTarget boot_target(std::optional<State> last_workflow) {
    return last_workflow == State::success ? netboot::BootTarget::local_disk
                                           : netboot::BootTarget::osie;
}

netboot::Machine to_machine(const Hardware& hardware, const Interface& interface,
                            std::optional<State> last_workflow) {
    netboot::Machine machine;
    machine.mac = MacAddress::parse(interface.mac).value_or(MacAddress());
    machine.address = ipv4(interface.address);
    machine.netmask = ipv4(interface.netmask);
    machine.gateway = ipv4(interface.gateway);
    machine.hostname = interface.hostname;
    machine.domain = interface.domain_name;
    machine.name_servers = ipv4_list(interface.name_servers);
    machine.time_servers = ipv4_list(interface.time_servers);
    machine.lease_seconds = static_cast<std::uint32_t>(interface.lease_seconds);
    machine.allow_pxe = interface.allow_pxe;
    machine.boot = boot_target(last_workflow);
    machine.ipxe_script_url = interface.ipxe_url;
    machine.ipxe_script_text = interface.ipxe_contents;
    machine.ipxe_binary = interface.ipxe_binary;
    machine.base_url = interface.osie_base_url;
    machine.kernel = interface.osie_kernel;
    machine.initrd = interface.osie_initrd;
    machine.extra_kernel_arguments = join(interface.kernel_params, " ");
    machine.vlan_id = interface.vlan_id;
    machine.facility = hardware.facility;
    machine.worker_id = hardware.agent_id;
    machine.arch = interface.arch;
    return machine;
}

Result<std::optional<netboot::Machine>> look_up(Store& store, const MacAddress& mac) {
    std::string text = mac.to_string();
    OSIEKIT_ASSIGN(Session session, store.read());
    OSIEKIT_ASSIGN(auto record, session.hardware_by_mac(text));
    if (!record) return std::optional<netboot::Machine>();
    OSIEKIT_ASSIGN(auto state, session.boot_state(record->hardware.name));
    for (const auto& interface : record->hardware.interfaces)
        if (interface.mac == text && !interface.disable_dhcp)
            return std::optional(to_machine(record->hardware, interface, state));
    return std::optional<netboot::Machine>();
}

}  // namespace osiekit::server
