#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/dhcp/packet.hpp"
#include "server/netboot/ipxe/binaries.hpp"
#include "server/netboot/netboot.hpp"

namespace osiekit::netboot {

// What asks for an address: one machine shows up as up to three of these during one boot.
enum class ClientKind {
    plain,      // an operating system
    firmware,   // PXE (option 60 "PXEClient")
    http_boot,  // UEFI HTTP Boot (option 60 "HTTPClient")
    ipxe,       // iPXE that can fetch a script over HTTP
};
std::string_view to_string(ClientKind kind);

struct Client {
    ClientKind kind = ClientKind::plain;
    std::optional<std::uint16_t> architecture;  // option 93, else the digits of option 60
};

// Recognises iPXE by option 175 or by user class "iPXE" or "Tinkerbell", as a bare text (what iPXE
// sends) or with the length bytes of RFC 3004. An iPXE whose option 175 does not list HTTP counts
// as firmware.
Client classify(const dhcp::Packet& packet);

// What the reply says about booting; empty `file`: nothing to boot.
struct BootInfo {
    std::string file;  // a TFTP name or a URL
    Ipv4 next_server;
    std::string server_name;      // option 66
    std::string vendor_class;     // option 60 of the reply; empty: none
    bool skip_discovery = false;  // option 43.6 = 8
    bool no_proxy_dhcp = false;   // option 175.176 = 1: iPXE need not wait for proxy offers
};

// The file that a client is given that may not netboot, as Tinkerbell's smee does.
constexpr std::string_view not_allowed_file = "/netboot-not-allowed";

// What UEFI firmware is given that is to boot from the disk. With a file and no server to fetch it
// from, OVMF goes on to its next boot entry at once (3.6 s); with no file it asks for another offer
// for most of a minute.
constexpr std::string_view local_disk_file = "/boot-from-local-disk";

// Whether it is one of these two: firmware that asks for them and gets an error does as it should.
bool is_send_away_file(std::string_view base_name);

BootInfo boot_info(const Client& client, const Machine& machine, const Settings& settings,
                   const ipxe::Binaries& binaries);

}  // namespace osiekit::netboot
