#include "builder/report/bom.hpp"

namespace osiekit::builder {

using nlohmann::ordered_json;

namespace {

// A list of one: braces alone would mean different things to different compilers.
ordered_json list_of(ordered_json item) {
    ordered_json list = ordered_json::array();
    list.push_back(std::move(item));
    return list;
}

ordered_json licence(const std::string& expression) {
    ordered_json item = ordered_json::object();
    item["expression"] = expression;
    return list_of(std::move(item));
}

ordered_json hash(const char* algorithm, const std::string& value) {
    return {{"alg", algorithm}, {"content", value}};
}

ordered_json property(const char* name, const std::string& value) {
    return {{"name", name}, {"value", value}};
}

ordered_json file_component(const ImageFile& file) {
    return {
        {"type", "file"},
        {"bom-ref", "file:/" + file.path},
        {"name", "/" + file.path},
        {"hashes", {hash("SHA-1", file.sha1), hash("SHA-256", file.digest.hex())}},
        {"properties", ordered_json::array({property("osiekit:source", file.source.to_string())})}};
}

const char* type_of(const BomComponent& component) {
    switch (component.kind) {
        case BomComponent::Kind::image:
            return "container";
        case BomComponent::Kind::program:
            return "application";
        case BomComponent::Kind::profile:
            return "data";
        default:
            return component.kernel ? "operating-system" : "library";
    }
}

ordered_json component_json(const BomComponent& component, const std::string& reference) {
    ordered_json item = {
        {"type", type_of(component)}, {"bom-ref", reference}, {"name", component.name}};
    if (!component.version.empty()) item["version"] = component.version;
    if (!component.digest.empty())
        item["hashes"] = ordered_json::array({hash("SHA-256", component.digest)});
    if (!component.license.empty()) item["licenses"] = licence(component.license);
    if (!component.purl.empty()) item["purl"] = component.purl;
    if (!component.source_purl.empty()) {
        ordered_json source = {{"type", "library"},
                               {"name", component.source_name},
                               {"version", component.source_version},
                               {"purl", component.source_purl}};
        item["pedigree"] = ordered_json::object();
        item["pedigree"]["ancestors"] = list_of(std::move(source));
    }
    if (component.files.empty()) return item;
    item["components"] = ordered_json::array();
    for (const ImageFile* file : component.files)
        item["components"].push_back(file_component(*file));
    return item;
}

ordered_json output(const char* what, const std::string& name, const Sha256& digest) {
    return {{"type", "file"},
            {"bom-ref", std::string("output:") + what},
            {"name", name},
            {"hashes", ordered_json::array({hash("SHA-256", digest.hex())})}};
}

ordered_json metadata(const Bom& bom) {
    const Manifest& manifest = bom.image->manifest;
    ordered_json tool = {{"type", "application"},
                         {"name", "osiekit"},
                         {"version", manifest.version},
                         {"licenses", licence("Apache-2.0")}};
    ordered_json image = {
        {"type", "operating-system"},
        {"bom-ref", "image"},
        {"name", manifest.name},
        {"components",
         {output("vmlinuz", bom.image->outputs.kernel, manifest.kernel.digest),
          output("initramfs", bom.image->outputs.initramfs, manifest.initramfs)}}};
    return {{"timestamp", bom.created},
            {"tools", {{"components", list_of(std::move(tool))}}},
            {"component", std::move(image)}};
}

}  // namespace

ordered_json cyclonedx_json(const Bom& bom) {
    ordered_json components = ordered_json::array();
    ordered_json of_initramfs = ordered_json::array();
    ordered_json of_kernel = ordered_json::array();
    for (std::size_t i = 0; i < bom.components.size(); ++i) {
        const BomComponent& component = bom.components[i];
        std::string reference = std::to_string(i) + ":" + component.name;
        components.push_back(component_json(component, reference));
        if (component.kernel) of_kernel.push_back(reference);
        if (!component.files.empty()) of_initramfs.push_back(reference);
    }
    return {{"bomFormat", "CycloneDX"},
            {"specVersion", "1.5"},
            {"serialNumber", "urn:uuid:" + bom.uuid},
            {"version", 1},
            {"metadata", metadata(bom)},
            {"components", std::move(components)},
            {"dependencies",
             ordered_json::array(
                 {{{"ref", "image"}, {"dependsOn", {"output:vmlinuz", "output:initramfs"}}},
                  {{"ref", "output:vmlinuz"}, {"dependsOn", std::move(of_kernel)}},
                  {{"ref", "output:initramfs"}, {"dependsOn", std::move(of_initramfs)}}})}};
}

}  // namespace osiekit::builder
