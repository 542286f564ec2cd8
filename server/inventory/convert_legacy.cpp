#include "server/inventory/convert_legacy.hpp"

#include "lib/base/text.hpp"
#include "server/document/fields.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

void rename(json& object, const char* from, const char* to) {
    if (!object.is_object() || !object.contains(from)) return;
    object[to] = object[from];
    object.erase(from);
}

json converted_interface(json interface) {
    if (!interface.is_object() || !interface.contains("netboot")) return interface;
    json& netboot = interface["netboot"];
    rename(netboot, "allow_pxe", "allowPXE");
    rename(netboot, "allow_workflow", "allowWorkflow");
    if (netboot.is_object() && netboot.contains("osie"))
        rename(netboot["osie"], "base_url", "baseURL");
    return interface;
}

Result<json> converted_metadata(const json& value) {
    if (!value.is_string()) return value;
    const auto& text = value.get_ref<const std::string&>();
    if (text.empty()) return json::object();
    auto parsed = parse_json(text);
    if (!parsed) return std::move(parsed).error().context("reading the JSON text in metadata");
    return parsed->value;
}

}  // namespace

bool is_legacy_hardware(const json& value) {
    return value.is_object() && !value.contains("kind") && !value.contains("spec") &&
           (value.contains("network") || value.contains("id"));
}

Result<json> convert_legacy_hardware(const Document& document) {
    const json& old = document.value;
    Problems problems(document);
    Fields top(old, "", problems);
    std::string id = top.text("id");
    if (id.empty()) problems.add("id", "is missing", "a UUID, or any name");
    Fields network = top.child("network");
    (void)network.children("interfaces");
    if (!network.has("interfaces"))
        problems.add("network.interfaces", "is missing", "a list with dhcp.mac in each entry");
    OSIEKIT_TRY(problems.status());

    json spec = json::object();
    spec["interfaces"] = json::array();
    for (const auto& interface : old["network"]["interfaces"])
        spec["interfaces"].push_back(converted_interface(interface));
    if (top.has("metadata")) {
        OSIEKIT_ASSIGN(spec["metadata"], converted_metadata(old["metadata"]));
    }
    return json{{"apiVersion", "tinkerbell.org/v1alpha1"},
                {"kind", "Hardware"},
                {"metadata", {{"name", id}}},
                {"spec", std::move(spec)}};
}

}  // namespace osiekit::server
