#include "server/netboot/dhcp/client.hpp"

#include "lib/base/text.hpp"

namespace osiekit::netboot {
namespace {

// Sub-options of 175 (iPXE's own registry).
constexpr std::uint8_t ipxe_feature_first = 16;
constexpr std::uint8_t ipxe_feature_http = 19;
constexpr std::uint8_t ipxe_feature_last = 79;

bool is_ipxe_class(std::string_view name) {
    return name == "iPXE" || name == "Tinkerbell";
}

bool has_ipxe_class(std::string_view user_class) {
    if (is_ipxe_class(user_class)) return true;
    // RFC 3004: a list of texts, each after its length.
    while (!user_class.empty()) {
        std::size_t length = static_cast<unsigned char>(user_class.front());
        if (length == 0 || length > user_class.size() - 1) return false;
        if (is_ipxe_class(user_class.substr(1, length))) return true;
        user_class.remove_prefix(1 + length);
    }
    return false;
}

// True for an iPXE that names its features and HTTP is not among them.
bool lacks_http(std::string_view encapsulated) {
    auto options = dhcp::parse_suboptions(encapsulated);
    if (!options || options->has(ipxe_feature_http)) return false;
    for (const auto& option : options->all())
        if (option.code >= ipxe_feature_first && option.code <= ipxe_feature_last) return true;
    return false;
}

std::optional<std::uint16_t> architecture_of(const dhcp::Packet& packet,
                                             std::string_view vendor_class) {
    auto list = packet.options.u16_list(dhcp::code::client_architecture);
    if (!list.empty()) return list.front();
    // "PXEClient:Arch:00007:UNDI:003010"
    constexpr std::string_view marker = ":Arch:";
    auto at = vendor_class.find(marker);
    if (at == std::string_view::npos) return std::nullopt;
    auto digits = vendor_class.substr(at + marker.size());
    auto number = parse_u64(digits.substr(0, digits.find(':')));
    if (!number || *number > 0xffff) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

std::string binary_for(const Client& client, const Machine& machine,
                       const ipxe::Binaries& binaries) {
    if (!machine.ipxe_binary.empty()) return machine.ipxe_binary;
    return client.architecture ? binaries.for_architecture(*client.architecture) : std::string();
}

bool is_uefi(const Client& client) {
    constexpr std::uint16_t first_uefi = 6;
    return client.architecture && *client.architecture >= first_uefi;
}

}  // namespace

std::string_view to_string(ClientKind kind) {
    switch (kind) {
        case ClientKind::plain:
            return "an operating system";
        case ClientKind::firmware:
            return "PXE firmware";
        case ClientKind::http_boot:
            return "UEFI HTTP Boot";
        case ClientKind::ipxe:
            return "iPXE";
    }
    return "unknown";
}

Client classify(const dhcp::Packet& packet) {
    namespace code = dhcp::code;
    Client client;
    auto vendor_class = packet.options.get(code::vendor_class).value_or("");
    client.architecture = architecture_of(packet, vendor_class);
    auto encapsulated = packet.options.get(code::ipxe_encapsulated);
    bool ipxe = encapsulated || has_ipxe_class(packet.options.get(code::user_class).value_or(""));
    if (ipxe && !(encapsulated && lacks_http(*encapsulated)))
        client.kind = ClientKind::ipxe;
    else if (vendor_class.substr(0, 10) == "HTTPClient")
        client.kind = ClientKind::http_boot;
    else if (vendor_class.substr(0, 9) == "PXEClient")
        client.kind = ClientKind::firmware;
    return client;
}

BootInfo boot_info(const Client& client, const Machine& machine, const Settings& settings,
                   const ipxe::Binaries& binaries) {
    BootInfo info;
    if (client.kind == ClientKind::plain) return info;
    info.vendor_class = client.kind == ClientKind::http_boot ? "HTTPClient" : "PXEClient";
    info.skip_discovery = client.kind != ClientKind::http_boot;
    info.no_proxy_dhcp = client.kind == ClientKind::ipxe;
    if (!machine.allow_pxe) {
        info.file = not_allowed_file;
        return info;
    }
    const std::string mac = machine.mac.to_string();
    const std::string binaries_url = settings.public_http_url + "/ipxe/binary/" + mac + "/";
    if (client.kind == ClientKind::ipxe) {
        info.file = settings.public_http_url + "/ipxe/script/" + mac + "/auto.ipxe";
    } else if (machine.boot == BootTarget::local_disk) {
        if (client.kind == ClientKind::http_boot) {
            info.file = binaries_url + std::string(local_disk_file.substr(1));  // not there
        } else if (is_uefi(client)) {
            info.file = local_disk_file;
            return info;
        }
    } else {
        info.file = binary_for(client, machine, binaries);
        if (client.kind == ClientKind::http_boot && !info.file.empty())
            info.file.insert(0, binaries_url);
    }
    if (info.file.empty()) return {};
    info.next_server = settings.address;
    info.server_name = settings.address.to_string();
    return info;
}

bool is_send_away_file(std::string_view base_name) {
    return base_name == not_allowed_file.substr(1) || base_name == local_disk_file.substr(1);
}

}  // namespace osiekit::netboot
