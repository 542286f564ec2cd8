#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include "lib/dhcp/address.hpp"

namespace osiekit::netboot {

// Which machine was given which address, and which were running iPXE a moment ago: what TFTP, HTTP
// and the router advertisements learn from DHCP. Thread safe; holds the latest machines only.
class SeenMachines {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t largest_count = 4096;
    // iPXE solicits routers within seconds of its DISCOVER; its last try comes after 16 s.
    static constexpr std::chrono::seconds ipxe_memory{60};

    void saw(const MacAddress& mac, Ipv4 address, bool is_ipxe, Clock::time_point now);
    std::optional<MacAddress> by_address(Ipv4 address) const;
    // Showed itself as iPXE within ipxe_memory, and nothing else since.
    bool runs_ipxe(const MacAddress& mac, Clock::time_point now) const;

  private:
    struct Entry {
        Ipv4 address;
        bool is_ipxe = false;
        Clock::time_point when;
    };
    mutable std::mutex mutex_;
    std::map<MacAddress, Entry> machines_;
    std::map<Ipv4, MacAddress> addresses_;
};

}  // namespace osiekit::netboot
