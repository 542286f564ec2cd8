// What sysfs says of a machine: bytes of firmware and of disks. The input is the content of these
// files, one after the other, with a record separator between them.
#include <array>
#include <fcntl.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "agent/machine.hpp"
#include "agent/machine_parts.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

namespace {

constexpr std::array<const char*, 18> files = {"proc/cpuinfo",
                                               "proc/meminfo",
                                               "sys/devices/system/memory/block_size_bytes",
                                               "sys/devices/system/memory/memory0/state",
                                               "sys/devices/system/cpu/cpu0/topology/core_cpus_list",
                                               "sys/block/sda/size",
                                               "sys/block/sda/wwid",
                                               "sys/block/sda/queue/rotational",
                                               "sys/block/sda/device/model",
                                               "sys/block/sda/device/vpd_pg80",
                                               "sys/class/net/eth0/type",
                                               "sys/class/net/eth0/ifindex",
                                               "sys/class/net/eth0/address",
                                               "sys/class/net/eth0/speed",
                                               "sys/bus/pci/devices/0000:00:01.0/class",
                                               "proc/device-tree/model",
                                               "proc/device-tree/compatible",
                                               "sys/class/dmi/id/product_serial"};

// Made once; only the content of the files changes.
struct Tree {
    osiekit::TempDir root = osiekit::TempDir::create("fuzz-machine").value();
    Tree() {
        for (const char* file : files)
            std::filesystem::create_directories((root.path() / file).parent_path());
        std::filesystem::create_directories(root.path() / "sys/class/net/eth0/device");
        std::filesystem::create_directories(root.path() / "sys/class/dmi");
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Tree tree;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    auto parts = osiekit::split(input, '\x1e');
    // The last one decides between SMBIOS and a device tree.
    std::filesystem::remove_all(tree.root.path() / "sys/class/dmi/id");
    for (std::size_t i = 0; i < parts.size() && i < files.size(); ++i) {
        auto path = tree.root.path() / files[i];
        std::filesystem::create_directories(path.parent_path());
        auto file = osiekit::open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
        if (!file || !osiekit::write_all(file->get(), parts[i])) std::abort();
    }
    auto found = osiekit::agent::collect_attributes(tree.root.path());
    for (const auto& disk : found.block())
        for (const std::string* text : {&disk.model(), &disk.wwn(), &disk.serial_number()})
            if (*text != osiekit::as_utf8(*text)) std::abort();
    proto::AgentAttributes again;
    if (!again.ParseFromString(found.SerializeAsString())) std::abort();
    return 0;
}
