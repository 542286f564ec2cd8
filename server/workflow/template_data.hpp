#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "server/inventory/hardware.hpp"

namespace osiekit::server {

using HardwareMap = std::map<std::string, std::string>;

// What a template sees at its root (tinkerbell.md 3.2): the keys of the hardware map, with device_1
// and worker_id defaulting to the machine's agent id; `.Hardware` with Go's field names (Disks,
// Interfaces, Metadata, UserData, VendorData); `.hardware`, the whole record.
nlohmann::json template_data(const Hardware& hardware, const HardwareMap& map);

}  // namespace osiekit::server
