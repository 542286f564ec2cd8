#include "agent/machine.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::agent;
namespace fs = std::filesystem;

namespace {

struct Tree {
    TempDir root = TempDir::create("machine").value();
    void put(const std::string& path, const std::string& text) const {
        fs::create_directories((root.path() / path).parent_path());
        REQUIRE(write_file(root.path() / path, text));
    }
    void interface(const std::string& name, int index, const std::string& address,
                   bool device) const {
        std::string base = "sys/class/net/" + name;
        put(base + "/type", "1\n");
        put(base + "/ifindex", std::to_string(index) + "\n");
        put(base + "/address", address + "\n");
        if (device) fs::create_directories(root.path() / base / "device");
    }
};

}  // namespace

TEST_CASE("the first Ethernet device names the machine") {
    Tree tree;
    REQUIRE(first_ethernet_address(tree.root.path()).empty());
    tree.interface("eth9", 10, "52:54:00:00:00:0A", true);
    tree.interface("eth1", 9, "52:54:00:00:00:09", true);
    tree.interface("br0", 2, "52:54:00:00:00:02", false);
    REQUIRE(first_ethernet_address(tree.root.path()) == "52:54:00:00:00:09");
}

TEST_CASE("attributes of a small server") {
    Tree tree;
    std::string cpu;
    for (int i = 0; i < 4; ++i)
        cpu += "processor\t: " + std::to_string(i) +
               "\nvendor_id\t: Maker\nmodel name\t: Fast 1\n" +
               "physical id\t: " + std::to_string(i / 2) + "\ncore id\t: 0\nflags\t: fpu sse\n\n";
    tree.put("proc/cpuinfo", cpu);
    tree.put("proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\n");
    tree.put("sys/devices/system/memory/block_size_bytes", "8000000\n");
    for (int i = 0; i < 128; ++i)
        tree.put("sys/devices/system/memory/memory" + std::to_string(i) + "/state", "online\n");
    tree.put("sys/block/sda/size", "1953525168\n");
    tree.put("sys/block/sda/queue/rotational", "1\n");
    tree.put("sys/block/sda/queue/physical_block_size", "4096\n");
    tree.put("sys/block/sda/device/model", "Disk  \n");
    tree.put("sys/block/loop0/size", "8\n");
    tree.put("sys/class/dmi/id/product_serial", "S1\n");
    tree.put("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n");
    tree.put("sys/bus/pci/devices/0000:00:02.0/vendor", "0x1234\n");
    tree.interface("eth0", 2, "52:54:00:00:00:01", true);
    tree.put("sys/class/net/eth0/speed", "1000\n");
    auto found = collect_attributes(tree.root.path());
    REQUIRE(found.cpu().total_threads() == 4);
    REQUIRE(found.cpu().total_cores() == 2);
    REQUIRE(found.cpu().processors_size() == 2);
    REQUIRE(found.cpu().processors(0).capabilities_size() == 2);
    REQUIRE(found.memory().total() == "16GB");
    REQUIRE(found.block_size() == 1);
    REQUIRE(found.block(0).drive_type() == "HDD");
    REQUIRE(found.block(0).size() == "932GB");
    REQUIRE(found.block(0).physical_block_size() == "4KB");
    REQUIRE(found.block(0).model() == "Disk");
    REQUIRE(found.network(0).speed() == "1000Mb/s");
    REQUIRE(found.product().serial_number() == "S1");
    REQUIRE(found.gpu_size() == 1);
}

TEST_CASE("a tree without anything, and this machine, give what they have") {
    Tree tree;
    REQUIRE(collect_attributes(tree.root.path()).block_size() == 0);
    REQUIRE(collect_attributes().cpu().total_threads() > 0);
    REQUIRE(size_text(0).empty());
    REQUIRE(size_text(1024) == "1KB");
    REQUIRE(size_text((1ULL << 20U) - 1) == "1024KB");
    REQUIRE(size_text(UINT64_MAX) == "16EB");
    REQUIRE(size_text(1023) == "1023B");
    REQUIRE(size_text((1ULL << 30U) + 1) == "2GB");
}
