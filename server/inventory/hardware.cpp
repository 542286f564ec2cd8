#include "server/inventory/hardware.hpp"

#include <set>

#include "lib/base/text.hpp"
#include "lib/dhcp/address.hpp"
#include "server/document/fields.hpp"
#include "server/inventory/convert_legacy.hpp"
#include "server/inventory/mac.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

constexpr std::size_t max_name = 253;  // a Kubernetes object's
constexpr std::int64_t max_lease_seconds = 0xffffffff;

bool is_ipv4(const std::string& text) {
    return Ipv4::parse(text).has_value();
}

bool is_netmask(const std::string& text) {
    auto mask = Ipv4::parse(text);
    return mask && mask->prefix_length();
}

// Letters, digits, '-', '_' and '.', as host names and object names are made of.
bool is_name(const std::string& text) {
    if (text.empty() || text.size() > max_name) return false;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

std::string in_quotes(const std::string& text) {
    return "\"" + printable(text, 60) + "\"";
}

std::string ipv4(Fields& fields, std::string_view key) {
    std::string text = fields.text(key);
    if (!text.empty() && !is_ipv4(text)) {
        fields.problem(key, in_quotes(text) + " is not an IPv4 address", "for example 192.0.2.10");
    }
    return text;
}

std::vector<std::string> ipv4_list(Fields& fields, std::string_view key) {
    auto list = fields.texts(key);
    for (std::size_t i = 0; i < list.size(); ++i)
        if (!is_ipv4(list[i]))
            fields.problem(std::string(key) + "[" + std::to_string(i) + "]",
                           in_quotes(list[i]) + " is not an IPv4 address",
                           "names cannot be sent by DHCP, give the address");
    return list;
}

void read_ip(Fields ip, Interface& interface) {
    ip.only({"address", "netmask", "gateway", "family"});
    interface.address = ipv4(ip, "address");
    interface.netmask = ip.text("netmask");
    interface.gateway = ipv4(ip, "gateway");
    if (!interface.netmask.empty() && !is_netmask(interface.netmask))
        ip.problem("netmask", in_quotes(interface.netmask) + " is not a netmask",
                   "for example 255.255.255.0");
    if (!interface.address.empty() && interface.netmask.empty())
        ip.problem("netmask", "is missing beside the address", "for example 255.255.255.0");
}

void read_dhcp(Fields dhcp, Interface& interface) {
    dhcp.only({"mac", "hostname", "domain_name", "lease_time", "name_servers", "time_servers",
               "arch", "uefi", "iface_name", "ip", "vlan_id", "classless_static_routes",
               "tftp_server_name", "boot_file_name"});
    std::string mac = dhcp.text("mac");
    if (auto canonical = canonical_mac(mac))
        interface.mac = *canonical;
    else
        dhcp.problem("mac", mac.empty() ? "is missing" : in_quotes(mac) + " is not a MAC address",
                     "six octets, for example 52:54:00:12:34:01");
    interface.hostname = dhcp.text("hostname");
    interface.domain_name = dhcp.text("domain_name");
    for (const char* key : {"hostname", "domain_name"})
        if (std::string name = dhcp.text(key); !name.empty() && !is_name(name))
            dhcp.problem(key, in_quotes(name) + " is not a host name",
                         "letters, digits, '-' and '.'");
    interface.lease_seconds = dhcp.integer("lease_time", 0, max_lease_seconds);
    interface.name_servers = ipv4_list(dhcp, "name_servers");
    interface.time_servers = ipv4_list(dhcp, "time_servers");
    interface.arch = dhcp.text("arch");
    interface.vlan_id = dhcp.scalar_text("vlan_id");
    (void)dhcp.boolean("uefi");
    read_ip(dhcp.child("ip"), interface);
}

void read_netboot(Fields netboot, Interface& interface) {
    netboot.only({"allowPXE", "allowWorkflow", "ipxe", "osie", "pxelinux", "rpi"});
    interface.allow_pxe = netboot.boolean("allowPXE");
    (void)netboot.boolean("allowWorkflow");
    Fields ipxe = netboot.child("ipxe");
    ipxe.only({"url", "contents", "binary"});
    interface.ipxe_url = ipxe.text("url");
    interface.ipxe_contents = ipxe.text("contents");
    interface.ipxe_binary = ipxe.text("binary");
    Fields osie = netboot.child("osie");
    osie.only({"baseURL", "kernel", "initrd", "kernelParams"});
    interface.osie_base_url = osie.text("baseURL");
    interface.osie_kernel = osie.text("kernel");
    interface.osie_initrd = osie.text("initrd");
    interface.kernel_params = osie.texts("kernelParams");
}

void read_interfaces(Fields& spec, Problems& problems, Hardware& hardware) {
    std::set<std::string> seen;
    for (auto& fields : spec.children("interfaces")) {
        fields.only({"dhcp", "netboot", "disableDhcp", "isoboot"});
        Interface interface;
        interface.disable_dhcp = fields.boolean("disableDhcp");
        read_dhcp(fields.child("dhcp"), interface);
        if (fields.has("netboot")) read_netboot(fields.child("netboot"), interface);
        if (!interface.mac.empty() && !seen.insert(interface.mac).second)
            problems.add(fields.path_of("dhcp.mac"), interface.mac + " is given twice");
        hardware.interfaces.push_back(std::move(interface));
    }
    if (hardware.interfaces.empty())
        problems.add("spec.interfaces", "is missing or empty",
                     "give at least one interface with dhcp.mac");
}

void read_spec(Fields spec, Problems& problems, Hardware& hardware) {
    spec.only({"agentID", "auto", "bmcRef", "interfaces", "metadata", "disks", "userData",
               "vendorData", "references", "tinkVersion", "resources", "isoboot"});
    hardware.agent_id = canonical_id(spec.text("agentID"));
    read_interfaces(spec, problems, hardware);
    for (auto& disk : spec.children("disks")) {
        std::string device = disk.text("device");
        if (!device.starts_with('/'))
            disk.problem("device",
                         device.empty() ? "is missing" : in_quotes(device) + " is no path",
                         "for example /dev/vda");
    }
    hardware.facility = spec.child("metadata").child("facility").scalar_text("facility_code");
    (void)spec.text("userData");
    (void)spec.text("vendorData");
}

Result<Hardware> read(const Document& document) {
    Problems problems(document);
    Hardware hardware;
    Fields top(document.value, "", problems);
    top.only({"apiVersion", "kind", "metadata", "spec", "status"});
    if (std::string kind = top.text("kind"); kind != "Hardware")
        problems.add("kind", kind.empty() ? "is missing" : in_quotes(kind) + " is not Hardware",
                     "kind: Hardware");
    std::string version = top.text("apiVersion");
    if (!version.empty() && version != "tinkerbell.org/v1alpha1")
        problems.add("apiVersion", in_quotes(version) + " is not known", "tinkerbell.org/v1alpha1");
    Fields metadata = top.child("metadata");
    hardware.name = metadata.text("name");
    if (!is_name(hardware.name))
        metadata.problem(
            "name", hardware.name.empty() ? "is missing" : in_quotes(hardware.name) + " is no name",
            "letters, digits, '-', '_' and '.', at most 253");
    if (!top.has("spec")) problems.add("spec", "is missing");
    if (top.has("spec")) read_spec(top.child("spec"), problems, hardware);
    OSIEKIT_TRY(problems.status());
    hardware.document = document.value;
    hardware.document.erase("status");
    auto& interfaces = hardware.document["spec"]["interfaces"];
    for (std::size_t i = 0; i < hardware.interfaces.size(); ++i)
        interfaces[i]["dhcp"]["mac"] = hardware.interfaces[i].mac;
    hardware.warnings = problems.warnings();
    return hardware;
}

}  // namespace

std::vector<std::string> Hardware::macs() const {
    std::vector<std::string> result;
    result.reserve(interfaces.size());
    for (const auto& interface : interfaces) result.push_back(interface.mac);
    return result;
}

std::string Hardware::default_agent_id() const {
    if (!agent_id.empty()) return agent_id;
    for (const auto& interface : interfaces)
        if (interface.allow_pxe) return interface.mac;
    return interfaces.empty() ? std::string() : interfaces.front().mac;
}

Result<Hardware> parse_hardware(std::string_view text, DocumentFormat format) {
    const char* attempted = "reading the hardware record";
    auto document = parse_document(text, format);
    if (!document) return std::move(document).error().context(attempted);
    if (is_legacy_hardware(document->value)) {
        auto converted = convert_legacy_hardware(*document);
        if (!converted) return std::move(converted).error().context(attempted);
        Document canonical{std::move(converted).value(), {}, {}};
        return read(canonical).context(attempted);
    }
    if (!document->value.is_object())
        return Error(ErrorKind::invalid_input, "the document is not a mapping")
            .hint("a record has kind: Hardware, metadata and spec")
            .context(attempted);
    return read(*document).context(attempted);
}

Result<Hardware> hardware_from_document(const json& document) {
    return read(Document{document, {}, {}}).context("reading a stored hardware record");
}

}  // namespace osiekit::server
