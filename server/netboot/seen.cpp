#include "server/netboot/seen.hpp"

#include <algorithm>

namespace osiekit::netboot {

void SeenMachines::saw(const MacAddress& mac, Ipv4 address, bool is_ipxe, Clock::time_point now) {
    std::lock_guard lock(mutex_);
    if (machines_.size() >= largest_count && machines_.count(mac) == 0) {
        auto oldest = std::min_element(
            machines_.begin(), machines_.end(),
            [](const auto& a, const auto& b) { return a.second.when < b.second.when; });
        addresses_.erase(oldest->second.address);
        machines_.erase(oldest);
    }
    auto& entry = machines_[mac];
    if (entry.address != address) addresses_.erase(entry.address);
    entry = {address, is_ipxe, now};
    addresses_[address] = mac;
}

std::optional<MacAddress> SeenMachines::by_address(Ipv4 address) const {
    std::lock_guard lock(mutex_);
    auto found = addresses_.find(address);
    if (found == addresses_.end()) return std::nullopt;
    return found->second;
}

bool SeenMachines::runs_ipxe(const MacAddress& mac, Clock::time_point now) const {
    std::lock_guard lock(mutex_);
    auto found = machines_.find(mac);
    return found != machines_.end() && found->second.is_ipxe &&
           now - found->second.when <= ipxe_memory;
}

}  // namespace osiekit::netboot
