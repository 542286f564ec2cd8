#include "agent/machine.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t max_attribute_bytes = 1U << 20U;
constexpr std::size_t max_devices = 1024;

// One line of sysfs without its end; "" if it cannot be read. Only characters that a protocol
// string may hold.
std::string line(const fs::path& path) {
    auto text = read_file(path, max_attribute_bytes);
    return text ? printable(trim(*text)) : std::string();
}

std::uint64_t number(const fs::path& path) {
    return parse_u64(line(path)).value_or(0);
}

std::vector<fs::path> entries(const fs::path& directory) {
    std::vector<fs::path> found;
    std::error_code failure;
    for (fs::directory_iterator it(directory, failure), end; it != end && !failure;
         it.increment(failure)) {
        if (found.size() == max_devices) break;
        found.push_back(it->path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

// Interfaces that are devices and Ethernet, by index.
std::vector<fs::path> ethernet_interfaces(const fs::path& root) {
    std::map<std::uint64_t, fs::path> sorted;
    for (const fs::path& interface : entries(root / "sys/class/net"))
        if (number(interface / "type") == 1 && fs::exists(interface / "device"))
            sorted.emplace(number(interface / "ifindex"), interface);
    std::vector<fs::path> interfaces;
    for (auto& [index, path] : sorted) interfaces.push_back(std::move(path));
    return interfaces;
}

struct Socket {
    std::set<std::string> cores;
    std::uint32_t threads = 0;
    std::string vendor;
    std::string model;
    std::string flags;
};

void add_cpu(const fs::path& root, proto::AgentAttributes& attributes) {
    std::map<std::uint64_t, Socket> sockets;
    std::map<std::string, std::string, std::less<>> fields;
    auto take = [&] {
        if (fields.count("processor") == 0) return;
        Socket& socket = sockets[parse_u64(fields["physical id"]).value_or(0)];
        ++socket.threads;
        socket.cores.insert(fields.count("core id") != 0 ? fields["core id"] : fields["processor"]);
        socket.vendor = fields["vendor_id"];
        socket.model = fields["model name"];
        socket.flags = fields.count("flags") != 0 ? fields["flags"] : fields["Features"];
        fields.clear();
    };
    auto text = read_file(root / "proc/cpuinfo", 16U << 20U);
    if (!text) return;
    for (std::string_view row : split(*text, '\n')) {
        std::size_t colon = row.find(':');
        if (colon == std::string_view::npos)
            take();
        else
            fields[std::string(trim(row.substr(0, colon)))] = trim(row.substr(colon + 1));
    }
    take();
    auto* cpu = attributes.mutable_cpu();
    for (const auto& [id, socket] : sockets) {
        auto cores = static_cast<std::uint32_t>(socket.cores.size());
        cpu->set_total_cores(cpu->total_cores() + cores);
        cpu->set_total_threads(cpu->total_threads() + socket.threads);
        auto* processor = cpu->add_processors();
        processor->set_id(static_cast<std::uint32_t>(id));
        processor->set_cores(cores);
        processor->set_threads(socket.threads);
        processor->set_vendor(printable(socket.vendor));
        processor->set_model(printable(socket.model));
        for (std::string_view flag : split_words(socket.flags))
            processor->add_capabilities(printable(flag));
    }
}

void add_memory(const fs::path& root, proto::AgentAttributes& attributes) {
    std::uint64_t usable = 0;
    auto text = read_file(root / "proc/meminfo", max_attribute_bytes);
    if (!text) return;
    for (std::string_view row : split(*text, '\n')) {
        auto words = split_words(row);
        if (words.size() > 1 && words[0] == "MemTotal:")
            usable = parse_u64(words[1]).value_or(0) * 1024;
    }
    // What is installed: the kernel's memory blocks; without them what it says it has.
    std::uint64_t installed = 0;
    fs::path blocks = root / "sys/devices/system/memory";
    if (auto size = from_hex(line(blocks / "block_size_bytes")); size && size->size() <= 8) {
        std::uint64_t block = 0;
        for (char c : *size) block = block << 8U | static_cast<unsigned char>(c);
        for (const fs::path& entry : entries(blocks))
            if (line(entry / "state") == "online") installed += block;
    }
    attributes.mutable_memory()->set_total(size_text(std::max(installed, usable)));
    attributes.mutable_memory()->set_usable(size_text(usable));
}

std::string controller_of(const std::string& name) {
    static constexpr std::array<std::pair<std::string_view, const char*>, 4> controllers = {
        {{"nvme", "NVMe"}, {"sd", "SCSI"}, {"vd", "virtio"}, {"mmcblk", "MMC"}}};
    for (const auto& [prefix, controller] : controllers)
        if (name.rfind(prefix, 0) == 0) return controller;
    return "unknown";
}

void add_blocks(const fs::path& root, proto::AgentAttributes& attributes) {
    for (const fs::path& disk : entries(root / "sys/block")) {
        // Loop, RAM and device mapper disks hang on no device.
        if (!fs::exists(disk / "device")) continue;
        auto* block = attributes.add_block();
        std::string name = disk.filename();
        block->set_name(printable(name));
        block->set_controller_type(controller_of(name));
        block->set_drive_type(name.rfind("sr", 0) == 0                 ? "ODD"
                              : line(disk / "queue/rotational") == "1" ? "HDD"
                                                                       : "SSD");
        block->set_size(size_text(number(disk / "size") * 512));
        block->set_physical_block_size(size_text(number(disk / "queue/physical_block_size")));
        block->set_vendor(line(disk / "device/vendor"));
        block->set_model(line(disk / "device/model"));
        std::string wwn = line(disk / "wwid");
        block->set_wwn(wwn.empty() ? line(disk / "device/wwid") : wwn);
        std::string serial = line(disk / "serial");
        block->set_serial_number(serial.empty() ? line(disk / "device/serial") : serial);
    }
}

void add_networks(const fs::path& root, proto::AgentAttributes& attributes) {
    for (const fs::path& interface : ethernet_interfaces(root)) {
        auto* network = attributes.add_network();
        network->set_name(printable(interface.filename().string()));
        network->set_mac(line(interface / "address"));
        std::string speed = line(interface / "speed");
        if (parse_u64(speed)) network->set_speed(speed + "Mb/s");
    }
}

void add_pci(const fs::path& root, proto::AgentAttributes& attributes) {
    for (const fs::path& device : entries(root / "sys/bus/pci/devices")) {
        std::error_code failure;
        auto driver = fs::read_symlink(device / "driver", failure);
        auto fill = [&](auto* entry) {
            entry->set_vendor(line(device / "vendor"));
            entry->set_product(line(device / "device"));
            entry->set_class_(line(device / "class"));
            if (!failure) entry->set_driver(printable(driver.filename().string()));
        };
        fill(attributes.add_pci());
        // Display controllers.
        if (line(device / "class").rfind("0x03", 0) == 0) fill(attributes.add_gpu());
    }
}

void add_dmi(const fs::path& root, proto::AgentAttributes& attributes) {
    fs::path dmi = root / "sys/class/dmi/id";
    if (!fs::exists(dmi)) return;
    attributes.mutable_chassis()->set_serial(line(dmi / "chassis_serial"));
    attributes.mutable_chassis()->set_vendor(line(dmi / "chassis_vendor"));
    attributes.mutable_bios()->set_vendor(line(dmi / "bios_vendor"));
    attributes.mutable_bios()->set_version(line(dmi / "bios_version"));
    attributes.mutable_bios()->set_release_date(line(dmi / "bios_date"));
    attributes.mutable_baseboard()->set_vendor(line(dmi / "board_vendor"));
    attributes.mutable_baseboard()->set_product(line(dmi / "board_name"));
    attributes.mutable_baseboard()->set_version(line(dmi / "board_version"));
    attributes.mutable_baseboard()->set_serial_number(line(dmi / "board_serial"));
    attributes.mutable_product()->set_name(line(dmi / "product_name"));
    attributes.mutable_product()->set_vendor(line(dmi / "sys_vendor"));
    attributes.mutable_product()->set_serial_number(line(dmi / "product_serial"));
}

}  // namespace

std::string first_ethernet_address(const fs::path& root) {
    for (const fs::path& interface : ethernet_interfaces(root))
        if (std::string address = line(interface / "address"); !address.empty())
            return to_lower(address);
    return {};
}

std::string size_text(std::uint64_t bytes) {
    static constexpr std::array<const char*, 6> units = {"B", "KB", "MB", "GB", "TB", "PB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.size(); ++unit)
        bytes = bytes / 1024 + (bytes % 1024 != 0 ? 1 : 0);
    return std::to_string(bytes) + units[unit];
}

proto::AgentAttributes collect_attributes(const fs::path& root) {
    proto::AgentAttributes attributes;
    add_cpu(root, attributes);
    add_memory(root, attributes);
    add_blocks(root, attributes);
    add_networks(root, attributes);
    add_pci(root, attributes);
    add_dmi(root, attributes);
    return attributes;
}

}  // namespace osiekit::agent
