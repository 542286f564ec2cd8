// Disks.
#include <array>

#include "agent/machine.hpp"
#include "agent/machine_parts.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace fs = std::filesystem;

struct Kind {
    std::string_view prefix;
    const char* controller;
    const char* drive;  // if it turns, or, with SSD, in any case
};

// As ghw names them, which the Go agents and the rules of their servers have them from.
constexpr std::array<Kind, 7> kinds = {{{"nvme", "NVMe", "SSD"},
                                        {"sd", "SCSI", "HDD"},
                                        {"sr", "SCSI", "ODD"},
                                        {"vd", "virtio", "HDD"},
                                        {"xvd", "SCSI", "HDD"},
                                        {"hd", "IDE", "HDD"},
                                        {"mmcblk", "MMC", "SSD"}}};

const Kind* kind_of(std::string_view name) {
    for (const Kind& kind : kinds)
        if (name.substr(0, kind.prefix.size()) == kind.prefix) return &kind;
    return nullptr;
}

std::string drive_type(const fs::path& disk, const Kind& kind) {
    std::string drive = kind.drive;
    return drive == "HDD" && attribute(disk / "queue/rotational") != "1" ? "SSD" : drive;
}

// As udev's ID_WWN_WITH_EXTENSION: "naa.5000…" is 0x5000…; "t10.…" is no world wide name.
std::string world_wide_name(const fs::path& disk) {
    std::string id = attribute(disk / "wwid");
    if (id.empty()) id = attribute(disk / "device/wwid");
    if (id.rfind("naa.", 0) == 0) return "0x" + id.substr(4);
    return id.rfind("t10.", 0) == 0 ? std::string() : id;
}

std::string serial_number(const fs::path& disk) {
    for (const char* name : {"serial", "device/serial"})
        if (std::string serial = attribute(disk / name); !serial.empty()) return serial;
    auto page = read_file(disk / "device/vpd_pg80", max_attribute_bytes);
    return page ? serial_of_vpd(*page) : std::string();
}

}  // namespace

std::string serial_of_vpd(std::string_view page) {
    constexpr std::size_t header = 4;
    if (page.size() < header || page[1] != '\x80') return {};
    auto length = static_cast<std::size_t>(static_cast<unsigned char>(page[2])) << 8U |
                  static_cast<unsigned char>(page[3]);
    return attribute_text(page.substr(header, length));
}

void add_disks(const fs::path& root, proto::AgentAttributes& attributes) {
    for (const fs::path& disk : entries(root / "sys/block")) {
        std::string name = disk.filename();
        const Kind* kind = kind_of(name);
        std::error_code failure;
        // Loop, RAM and device mapper disks hang on no device. The paths of an NVMe disk that has
        // several are hidden; the disk itself is not.
        if (kind == nullptr || !fs::exists(disk / "device", failure) ||
            attribute(disk / "hidden") == "1")
            continue;
        auto* block = attributes.add_block();
        block->set_name(attribute_text(name));
        block->set_controller_type(kind->controller);
        block->set_drive_type(drive_type(disk, *kind));
        block->set_size(size_text(attribute_number(disk / "size") * 512));
        block->set_physical_block_size(
            size_text(attribute_number(disk / "queue/physical_block_size")));
        block->set_vendor(attribute(disk / "device/vendor"));
        block->set_model(attribute(disk / "device/model"));
        block->set_wwn(world_wide_name(disk));
        block->set_serial_number(serial_number(disk));
    }
}

}  // namespace osiekit::agent
