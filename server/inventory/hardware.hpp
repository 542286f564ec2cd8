#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "server/document/document.hpp"

namespace osiekit::server {

// One network port of a machine: what DHCP and the boot script need of it.
struct Interface {
    std::string mac;  // canonical
    std::string hostname;
    std::string domain_name;
    std::string address;  // IPv4 dotted, or empty
    std::string netmask;
    std::string gateway;
    std::int64_t lease_seconds = 0;  // 0: not given
    std::vector<std::string> name_servers;
    std::vector<std::string> time_servers;
    std::string arch;
    std::string vlan_id;
    bool disable_dhcp = false;
    bool allow_pxe = false;
    std::string ipxe_url;
    std::string ipxe_contents;
    std::string ipxe_binary;
    std::string osie_base_url;  // netboot.osie; empty: the server's own
    std::string osie_kernel;
    std::string osie_initrd;
    std::vector<std::string> kernel_params;
};

// A machine's record. `document` is the whole record in the shape of Tinkerbell's CRD v1alpha1
// (tinkerbell.md 4.2), whichever shape it came in; the other members are read from it.
struct Hardware {
    std::string name;
    std::string agent_id;  // spec.agentID; empty: the MAC that netboots
    std::string facility;  // metadata.facility.facility_code
    std::vector<Interface> interfaces;
    nlohmann::json document;
    std::vector<std::string> warnings;  // unknown keys and the like

    std::vector<std::string> macs() const;
    // spec.agentID, else the first MAC that may netboot, else the first MAC.
    std::string default_agent_id() const;
};

// Reads a record: CRD v1alpha1 (kind: Hardware) or the Postgres-era JSON (4.1), as YAML or JSON.
// All that is wrong is reported at once, with line (YAML), field path and hint; kind invalid_input.
Result<Hardware> parse_hardware(std::string_view text,
                                DocumentFormat format = DocumentFormat::by_content);

// The same from a canonical document (out of the store).
Result<Hardware> hardware_from_document(const nlohmann::json& document);

}  // namespace osiekit::server
