// Attributes of real machines' trees (tests/fixtures/machines), and of trees composed after the
// kernel's documentation for what those machines did not have.
#include "agent/machine.hpp"
#include "agent/machine_parts.hpp"
#include "tests/unit/agent/machine_tree.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

proto::AgentAttributes attributes_of(const MachineTree& tree) {
    auto found = collect_attributes(tree.root());
    // What a receiver would refuse must not be sent: text that is not UTF-8.
    proto::AgentAttributes again;
    REQUIRE(again.ParseFromString(found.SerializeAsString()));
    REQUIRE(again.SerializeAsString() == found.SerializeAsString());
    return found;
}

std::string cpuinfo(int processors, const std::string& description) {
    std::string text;
    for (int i = 0; i < processors; ++i)
        text += "processor\\x09: " + std::to_string(i) + "\\n" + description + "\\n";
    return "proc/cpuinfo = " + text;
}

}  // namespace

TEST_CASE("a captured PowerEdge R910") {
    MachineTree tree = MachineTree::captured("dell-r910");
    auto found = attributes_of(tree);
    // lstopo: 4 packages of 10 cores.
    REQUIRE(found.cpu().total_cores() == 40);
    REQUIRE(found.cpu().total_threads() == 40);
    REQUIRE(found.cpu().processors_size() == 4);
    REQUIRE(found.cpu().processors(3).id() == 3);
    REQUIRE(found.cpu().processors(3).cores() == 10);
    REQUIRE(found.cpu().processors(3).vendor() == "GenuineIntel");
    REQUIRE(found.cpu().processors(3).model() == "Intel(R) Xeon(R) CPU E7- 4870  @ 2.40GHz");
    REQUIRE(found.memory().usable() == "505GB");
    REQUIRE(found.block_size() == 2);
    REQUIRE(found.block(0).name() == "sda");
    REQUIRE(found.block(0).controller_type() == "SCSI");
    REQUIRE(found.block(0).drive_type() == "HDD");
    REQUIRE(found.block(0).size() == "2TB");
    REQUIRE(found.block(0).physical_block_size() == "512B");
    REQUIRE(found.block(0).vendor() == "DELL");
    REQUIRE(found.block(0).model() == "PERC H700");
    REQUIRE(found.block(1).drive_type() == "ODD");
    REQUIRE(found.block(1).controller_type() == "SCSI");
    // InfiniBand is no Ethernet.
    REQUIRE(found.network_size() == 4);
    REQUIRE(found.network(0).mac() == "78:2b:cb:38:ac:1b");
    REQUIRE(found.network(0).speed() == "1000Mb/s");
    REQUIRE(found.network(1).speed().empty());
    REQUIRE(first_ethernet_address(tree.root()) == "78:2b:cb:38:ac:1b");
    REQUIRE(found.pci_size() == 37);
    REQUIRE(found.gpu_size() == 1);
    REQUIRE(found.gpu(0).vendor() == "0x102b");
    REQUIRE(found.product().name() == "PowerEdge R910");
    REQUIRE(found.product().vendor() == "Dell Inc.");
    REQUIRE(found.bios().version() == "2.5.0");
    REQUIRE(found.bios().release_date() == "10/26/2011");
    REQUIRE(found.baseboard().product() == "0JRJM9");
    REQUIRE(found.chassis().vendor() == "Dell Inc.");
}

TEST_CASE("captured processors: hyperthreading, modules, ARM") {
    auto xeon = attributes_of(MachineTree::captured("xeon-4108"));
    REQUIRE(xeon.cpu().processors_size() == 2);
    REQUIRE(xeon.cpu().total_cores() == 16);
    REQUIRE(xeon.cpu().total_threads() == 32);
    REQUIRE(xeon.network(0).name() == "enp96s0f0");
    // Two cores of a module share what threads share, says the kernel: its numbers.
    auto opteron = attributes_of(MachineTree::captured("dell-c6145"));
    REQUIRE(opteron.cpu().processors_size() == 4);
    REQUIRE(opteron.cpu().total_cores() == 32);
    REQUIRE(opteron.cpu().total_threads() == 64);
    REQUIRE(opteron.product().name() == "PowerEdge C6145");
    auto arm = attributes_of(MachineTree::captured("huawei-xa320"));
    REQUIRE(arm.cpu().total_cores() == 128);
    REQUIRE(arm.cpu().processors_size() == 2);
    REQUIRE(arm.cpu().processors(1).id() == 8442);
    REQUIRE(arm.cpu().processors(1).vendor() == "0x48");
    REQUIRE(arm.cpu().processors(1).capabilities(0) == "fp");
    REQUIRE(arm.product().serial_number() == "2102312MEA10K9000003");
    REQUIRE(arm.memory().total() == "503GB");
}

TEST_CASE("a captured virtual machine") {
    auto found = attributes_of(MachineTree::captured("kvm-guest"));
    REQUIRE(found.cpu().processors_size() == 2);
    REQUIRE(found.memory().total() == "2GB");
    REQUIRE(found.block_size() == 2);
    REQUIRE(found.block(1).name() == "vda");
    REQUIRE(found.block(1).controller_type() == "virtio");
    REQUIRE(found.block(1).size() == "20GB");
    REQUIRE(found.block(1).serial_number() == "f9e021d3fbfe4b3c9256");
    REQUIRE(found.network(0).mac() == "06:7a:4c:00:00:22");
    REQUIRE(found.network(0).speed().empty());
    REQUIRE(found.gpu(0).class_() == "0x030000");
}

TEST_CASE("a composed server: NVMe, RAID, a bond, a GPU, and firmware's leftovers") {
    MachineTree tree(R"(
proc/meminfo = MemTotal:       527954084 kB\n
sys/devices/system/cpu/cpu{0-31}/topology/physical_package_id = 0\n
sys/devices/system/cpu/cpu{32-63}/topology/physical_package_id = 1\n
sys/devices/system/memory/block_size_bytes = 80000000\n
sys/devices/system/memory/memory{0-255}/state = online\n
sys/devices/system/memory/memory256/state = offline\n
sys/block/nvme{0-3}n1/size = 7501476528\n
sys/block/nvme{0-3}n1/queue/rotational = 0\n
sys/block/nvme{0-3}n1/queue/physical_block_size = 4096\n
sys/block/nvme{0-3}n1/wwid = eui.0025384b11b2a4c7\n
sys/block/nvme{0-3}n1/device/model = SAMSUNG MZQL23T8HCLS-00A07              \n
sys/block/nvme{0-3}n1/device/serial = S64HNE0R300001      \n
sys/block/nvme0c0n1/size = 7501476528\n
sys/block/nvme0c0n1/hidden = 1\n
sys/block/nvme0c0n1/device/
sys/block/sda/size = 1874329600\n
sys/block/sda/queue/rotational = 0\n
sys/block/sda/device/vendor = AVAGO   \n
sys/block/sda/device/model = MR9361-8i       \n
sys/block/sda/device/wwid = naa.600605b00fca6d102a3e1b4c0d5e6f70\n
sys/block/sda/device/vpd_pg80 = \x00\x80\x00\x14  00706f5e0d4c1b3e2a\x00\x00
sys/block/sdb/device/wwid = t10.ATA     Disk                     Serial\n
sys/block/dm-{0-3}/size = 8\n
sys/block/zram0/size = 8\n
sys/block/nbd0/device/
sys/class/net/bond0/type = 1\n
sys/class/net/bond0/ifindex = 1\n
sys/class/net/bond0/address = b8:ce:f6:00:00:0a\n
sys/class/net/enp65s0f{0-1}np/type = 1\n
sys/class/net/enp65s0f{0-1}np/device/
sys/class/net/enp65s0f{0-1}np/address = b8:ce:f6:00:00:0a\n
sys/class/net/enp65s0f{0-1}np/speed = 100000\n
sys/class/net/enp65s0f0np/ifindex = 7\n
sys/class/net/enp65s0f1np/ifindex = 8\n
sys/class/net/enp65s0f0np/bonding_slave/perm_hwaddr = B8:CE:F6:00:00:0A\n
sys/class/net/enp65s0f1np/bonding_slave/perm_hwaddr = b8:ce:f6:00:00:0b\n
sys/bus/pci/devices/0000:{10-11}:00.0/class = 0x020000\n
sys/bus/pci/devices/0000:{10-11}:00.0/vendor = 0x15b3\n
sys/bus/pci/devices/0000:{10-11}:00.0/device = 0x101d\n
sys/bus/pci/devices/0000:{10-11}:00.0/driver -> ../../../../bus/pci/drivers/mlx5_core
sys/bus/pci/devices/0000:c1:00.0/class = 0x030200\n
sys/bus/pci/devices/0000:c1:00.0/vendor = 0x10de\n
sys/class/dmi/id/product_name = PowerEdge R7525\n
sys/class/dmi/id/product_serial = \xff\xff\xff\n
sys/class/dmi/id/chassis_serial = A\x01B\n
)");
    tree.add(cpuinfo(64,
                     "vendor_id\\x09: AuthenticAMD\\nmodel name\\x09: AMD EPYC 7302\\n"
                     "physical id\\x09: 0\\ncore id\\x09: 3\\nflags\\x09: fpu svm\\n"));
    for (int i = 0; i < 64; ++i)
        tree.add("sys/devices/system/cpu/cpu" + std::to_string(i) + "/topology/core_cpus_list = " +
                 std::to_string(i / 2 * 2) + "-" + std::to_string(i / 2 * 2 + 1) + "\\n");
    auto found = attributes_of(tree);
    REQUIRE(found.cpu().processors_size() == 2);
    REQUIRE(found.cpu().processors(1).cores() == 16);
    REQUIRE(found.cpu().processors(1).threads() == 32);
    REQUIRE(found.memory().total() == "512GB");
    REQUIRE(found.memory().usable() == "504GB");
    REQUIRE(found.block_size() == 6);
    REQUIRE(found.block(2).name() == "nvme2n1");
    REQUIRE(found.block(2).controller_type() == "NVMe");
    REQUIRE(found.block(2).drive_type() == "SSD");
    REQUIRE(found.block(2).size() == "4TB");
    REQUIRE(found.block(2).model() == "SAMSUNG MZQL23T8HCLS-00A07");
    REQUIRE(found.block(2).wwn() == "eui.0025384b11b2a4c7");
    REQUIRE(found.block(2).serial_number() == "S64HNE0R300001");
    REQUIRE(found.block(4).vendor() == "AVAGO");
    REQUIRE(found.block(4).wwn() == "0x600605b00fca6d102a3e1b4c0d5e6f70");
    REQUIRE(found.block(4).serial_number() == "00706f5e0d4c1b3e2a");
    REQUIRE(found.block(4).drive_type() == "SSD");
    REQUIRE(found.block(5).wwn().empty());
    REQUIRE(found.network_size() == 2);
    REQUIRE(found.network(1).mac() == "b8:ce:f6:00:00:0b");
    REQUIRE(found.network(1).speed() == "100000Mb/s");
    REQUIRE(first_ethernet_address(tree.root()) == "b8:ce:f6:00:00:0a");
    REQUIRE(found.pci_size() == 3);
    REQUIRE(found.pci(0).driver() == "mlx5_core");
    REQUIRE(found.gpu_size() == 1);
    REQUIRE(found.product().serial_number() == "???");
    REQUIRE(found.chassis().serial() == "A\\x01B");
}

TEST_CASE("a composed board with a device tree") {
    MachineTree tree(R"(
proc/cpuinfo = processor\x09: 0\nFeatures\x09: fp\nCPU implementer\x09: 0x41\n\nprocessor\x09: 1\n\nSerial\x09: 1\nModel\x09: x\n
proc/device-tree/model = Raspberry Pi 4 Model B Rev 1.4\x00
proc/device-tree/compatible = raspberrypi,4-model-b\x00brcm,bcm2711\x00
proc/device-tree/serial-number = 10000000e5fe7b2c\x00
sys/block/mmcblk0/size = 62333952\n
sys/block/mmcblk0/device/serial = 0x1a2b3c4d\n
)");
    auto found = attributes_of(tree);
    REQUIRE(found.cpu().total_cores() == 2);
    REQUIRE(found.cpu().processors(0).vendor() == "ARM");
    REQUIRE(found.product().name() == "Raspberry Pi 4 Model B Rev 1.4");
    REQUIRE(found.product().vendor() == "raspberrypi");
    REQUIRE(found.product().serial_number() == "10000000e5fe7b2c");
    REQUIRE(found.block(0).controller_type() == "MMC");
    REQUIRE(found.block(0).drive_type() == "SSD");
    REQUIRE_FALSE(found.has_bios());
}

TEST_CASE("serial numbers of SCSI disks") {
    using namespace std::string_view_literals;
    REQUIRE(serial_of_vpd("\0\x80\0\x04 AB \0"sv) == "AB");
    REQUIRE(serial_of_vpd("\0\x80\xff\xff!"sv) == "!");
    REQUIRE(serial_of_vpd("\0\x80\0\0"
                          "AB"sv)
                .empty());
    REQUIRE(serial_of_vpd("\0\x83\0\x02"
                          "AB"sv)
                .empty());
    REQUIRE(serial_of_vpd("\0\x80\0"sv).empty());
}
