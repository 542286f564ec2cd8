#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::init {

// The kernel gives a driver its PCI devices one after another by their address, and each may take a
// while (0.1 s under emulation, seconds with some controllers of disks). Here the ones that are
// needed first, network cards above all, go first (sysfs: drivers_autoprobe, drivers_probe).
class BindOrder {
  public:
    // `sys` is "/sys".
    explicit BindOrder(std::filesystem::path sys);

    // From now on no PCI device gets a driver. On an error all is as it was.
    Status hold() const;
    // Devices that are needed first get theirs, network cards before the others, if it is loaded.
    void bind_first() const;
    // All devices get theirs, and whatever appears later does so as usual.
    Status release() const;

  private:
    struct Device {
        std::string name;  // 0000:00:03.0
        std::string alias;
    };
    // Those that have no driver.
    std::vector<Device> unbound() const;
    void probe(const Device& device) const;

    std::filesystem::path bus_;
};

}  // namespace osiekit::init
