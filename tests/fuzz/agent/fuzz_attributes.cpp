// What sysfs says of a machine: bytes of firmware and of disks. The input is the content of these
// files, one after the other, with a record separator between them.
#include <fcntl.h>
#include <array>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/machine.hpp"
#include "agent/machine_parts.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

namespace {

constexpr std::array<const char*, 18> files = {
    "proc/cpuinfo",
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

// Made once; only what differs from the input before is written.
class Tree {
  public:
    Tree() {
        for (const char* file : files)
            std::filesystem::create_directories((root() / file).parent_path());
        std::filesystem::create_directories(root() / "sys/class/net/eth0/device");
        // The last file decides between SMBIOS and a device tree.
        std::filesystem::remove(root() / "sys/class/dmi/id");
    }
    const std::filesystem::path& root() const { return directory_.path(); }

    void write(std::size_t file, std::optional<std::string_view> content) {
        if (held_[file] == content) return;
        auto path = root() / files[file];
        if (!content) {
            bool last = file + 1 == files.size();
            std::filesystem::remove_all(last ? path.parent_path() : path);
        } else {
            std::filesystem::create_directories(path.parent_path());
            auto opened = osiekit::open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
            if (!opened || !osiekit::write_all(opened->get(), *content)) std::abort();
        }
        held_[file] = content;
    }

  private:
    osiekit::TempDir directory_ = osiekit::TempDir::create("fuzz-machine", "/dev/shm").value();
    std::array<std::optional<std::string>, files.size()> held_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Tree tree;
    std::string_view input(reinterpret_cast<const char*>(data), size);
    auto parts = osiekit::split(input, '\x1e');
    for (std::size_t i = 0; i < files.size(); ++i)
        tree.write(i, i < parts.size() ? std::optional(parts[i]) : std::nullopt);
    auto found = osiekit::agent::collect_attributes(tree.root());
    for (const auto& disk : found.block())
        for (const std::string* text : {&disk.model(), &disk.wwn(), &disk.serial_number()})
            if (*text != osiekit::as_utf8(*text)) std::abort();
    proto::AgentAttributes again;
    if (!again.ParseFromString(found.SerializeAsString())) std::abort();
    return 0;
}
