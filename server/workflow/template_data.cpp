#include "server/workflow/template_data.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

json member(const json& object, const char* key, const json& fallback) {
    auto it = object.find(key);
    return it == object.end() || it->is_null() ? fallback : *it;
}

}  // namespace

json template_data(const Hardware& hardware, const HardwareMap& map) {
    json spec = member(hardware.document, "spec", json::object());
    json disks = json::array();
    for (const auto& disk : member(spec, "disks", json::array()))
        disks.push_back(disk.value("device", ""));
    json data = json::object();
    data["device_1"] = hardware.default_agent_id();
    data["worker_id"] = hardware.default_agent_id();
    for (const auto& [key, value] : map) data[key] = value;
    data["Hardware"] = {{"Disks", disks},
                        {"Interfaces", member(spec, "interfaces", json::array())},
                        {"Metadata", member(spec, "metadata", json::object())},
                        {"UserData", member(spec, "userData", "")},
                        {"VendorData", member(spec, "vendorData", "")}};
    data["hardware"] = hardware.document;
    return data;
}

}  // namespace osiekit::server
