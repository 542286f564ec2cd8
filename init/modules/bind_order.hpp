#pragma once

#include <atomic>
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
    explicit BindOrder(const std::filesystem::path& sys);

    // From now on no PCI device gets a driver. On an error all is as it was.
    Status hold() const;
    // Devices that are needed first get theirs if it is loaded, network cards before the others,
    // and one at a time: two at once would share what the kernel does one by one. While a thread
    // is at it, others leave their request with it and return.
    void bind_first();
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
    void bind_first_once(unsigned request) const;

    std::filesystem::path bus_;
    std::atomic<unsigned> wanted_ = 0;
};

}  // namespace osiekit::init
