#include "agent/machine.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "agent/machine_parts.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace fs = std::filesystem;

// Interfaces that are devices and Ethernet, by index.
std::vector<fs::path> ethernet_interfaces(const fs::path& root) {
    std::map<std::uint64_t, fs::path> sorted;
    std::error_code failure;
    for (const fs::path& interface : entries(root / "sys/class/net"))
        if (attribute_number(interface / "type") == 1 && fs::exists(interface / "device", failure))
            sorted.emplace(attribute_number(interface / "ifindex"), interface);
    std::vector<fs::path> interfaces;
    for (auto& [index, path] : sorted) interfaces.push_back(std::move(path));
    return interfaces;
}

// A bond gives one address to all its members; the machine is known by their own.
std::string hardware_address(const fs::path& interface) {
    std::string own = attribute(interface / "bonding_slave/perm_hwaddr");
    return own.empty() ? attribute(interface / "address") : own;
}

void add_networks(const fs::path& root, proto::AgentAttributes& attributes) {
    for (const fs::path& interface : ethernet_interfaces(root)) {
        auto* network = attributes.add_network();
        network->set_name(attribute_text(interface.filename().string()));
        network->set_mac(hardware_address(interface));
        // -1: there is no link.
        std::string speed = attribute(interface / "speed");
        if (parse_u64(speed)) network->set_speed(speed + "Mb/s");
    }
}

void add_pci(const fs::path& root, proto::AgentAttributes& attributes) {
    for (const fs::path& device : entries(root / "sys/bus/pci/devices")) {
        std::error_code failure;
        auto driver = fs::read_symlink(device / "driver", failure);
        std::string kind = attribute(device / "class");
        auto fill = [&](auto* entry) {
            entry->set_vendor(attribute(device / "vendor"));
            entry->set_product(attribute(device / "device"));
            entry->set_class_(kind);
            if (!failure) entry->set_driver(attribute_text(driver.filename().string()));
        };
        fill(attributes.add_pci());
        // Display controllers.
        if (kind.rfind("0x03", 0) == 0) fill(attributes.add_gpu());
    }
}

void add_dmi(const fs::path& dmi, proto::AgentAttributes& attributes) {
    attributes.mutable_chassis()->set_serial(attribute(dmi / "chassis_serial"));
    attributes.mutable_chassis()->set_vendor(attribute(dmi / "chassis_vendor"));
    attributes.mutable_bios()->set_vendor(attribute(dmi / "bios_vendor"));
    attributes.mutable_bios()->set_version(attribute(dmi / "bios_version"));
    attributes.mutable_bios()->set_release_date(attribute(dmi / "bios_date"));
    attributes.mutable_baseboard()->set_vendor(attribute(dmi / "board_vendor"));
    attributes.mutable_baseboard()->set_product(attribute(dmi / "board_name"));
    attributes.mutable_baseboard()->set_version(attribute(dmi / "board_version"));
    attributes.mutable_baseboard()->set_serial_number(attribute(dmi / "board_serial"));
    attributes.mutable_product()->set_name(attribute(dmi / "product_name"));
    attributes.mutable_product()->set_vendor(attribute(dmi / "sys_vendor"));
    attributes.mutable_product()->set_serial_number(attribute(dmi / "product_serial"));
}

// Boards without SMBIOS are described by a device tree (Devicetree Specification v0.4, section
// 2.3): "compatible" begins with "vendor,board".
void add_device_tree(const fs::path& tree, proto::AgentAttributes& attributes) {
    std::string model = attribute(tree / "model");
    if (model.empty()) return;
    auto compatible = read_file(tree / "compatible", max_attribute_bytes);
    std::string_view first = compatible ? std::string_view(*compatible) : std::string_view();
    first = first.substr(0, first.find('\0'));
    first = first.substr(0, first.find(','));
    attributes.mutable_product()->set_name(model);
    attributes.mutable_product()->set_vendor(attribute_text(first));
    attributes.mutable_product()->set_serial_number(attribute(tree / "serial-number"));
}

}  // namespace

std::string attribute_text(std::string_view bytes) {
    // Strings of a device tree and of SCSI may have zeros at their end.
    for (std::size_t before = bytes.size() + 1; bytes.size() < before;) {
        before = bytes.size();
        bytes = trim(bytes);
        while (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
    }
    return as_utf8(printable(bytes));
}

std::string attribute(const fs::path& path) {
    auto text = read_file(path, max_attribute_bytes);
    return text ? attribute_text(*text) : std::string();
}

std::uint64_t attribute_number(const fs::path& path) {
    return parse_u64(attribute(path)).value_or(0);
}

std::vector<fs::path> entries(const fs::path& directory, std::size_t limit) {
    std::vector<fs::path> found;
    std::error_code failure;
    for (fs::directory_iterator it(directory, failure), end; it != end && !failure;
         it.increment(failure)) {
        if (found.size() == limit) break;
        found.push_back(it->path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string first_ethernet_address(const fs::path& root) {
    for (const fs::path& interface : ethernet_interfaces(root))
        if (std::string address = hardware_address(interface); !address.empty())
            return to_lower(address);
    return {};
}

std::string size_text(std::uint64_t bytes) {
    static constexpr std::array<const char*, 7> units = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes == 0) return {};
    std::size_t unit = 0;
    std::uint64_t size = 1;
    for (; bytes / 1024 >= size; size *= 1024) ++unit;
    return std::to_string(bytes / size + (bytes % size != 0 ? 1 : 0)) + units[unit];
}

proto::AgentAttributes collect_attributes(const fs::path& root) {
    proto::AgentAttributes attributes;
    add_cpu(root, attributes);
    add_memory(root, attributes);
    add_disks(root, attributes);
    add_networks(root, attributes);
    add_pci(root, attributes);
    std::error_code failure;
    if (fs::path dmi = root / "sys/class/dmi/id"; fs::exists(dmi, failure))
        add_dmi(dmi, attributes);
    else
        add_device_tree(root / "proc/device-tree", attributes);
    return attributes;
}

}  // namespace osiekit::agent
