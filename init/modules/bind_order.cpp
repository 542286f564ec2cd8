#include "init/modules/bind_order.hpp"

#include <fcntl.h>

#include <algorithm>
#include <system_error>

#include "init/modules/alias.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr std::uint64_t largest_alias = 4096;  // one page, sysfs's own limit

// sysfs wants one write(2) to the file that is there.
Status put(const std::filesystem::path& file, std::string_view text) {
    OSIEKIT_ASSIGN(Fd fd, open_file(file, O_WRONLY));
    return write_all(fd.get(), text).context(file.string());
}

}  // namespace

BindOrder::BindOrder(const std::filesystem::path& sys) : bus_(sys / "bus" / "pci") {}

std::vector<BindOrder::Device> BindOrder::unbound() const {
    std::vector<Device> devices;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(bus_ / "devices", error), end;
         !error && entry != end; entry.increment(error)) {
        std::error_code none;
        if (std::filesystem::exists(entry->path() / "driver", none)) continue;
        Result<std::string> alias = read_file(entry->path() / "modalias", largest_alias);
        if (alias)
            devices.push_back({entry->path().filename().string(), std::string(trim(*alias))});
    }
    std::sort(devices.begin(), devices.end(),
              [](const Device& a, const Device& b) { return a.name < b.name; });
    return devices;
}

void BindOrder::probe(const Device& device) const {
    // Fails when the driver refuses the device, which the kernel reports by itself.
    [[maybe_unused]] Status status = put(bus_ / "drivers_probe", device.name);
}

Status BindOrder::hold() const {
    return put(bus_ / "drivers_autoprobe", "0");
}

void BindOrder::bind_first() {
    if (wanted_.fetch_add(1) > 0) return;
    unsigned seen = 0;
    do {
        seen = wanted_.load();
        bind_first_once(seen);
    } while (!wanted_.compare_exchange_strong(seen, 0));
}

void BindOrder::bind_first_once(unsigned request) const {
    std::vector<Device> devices = unbound();
    std::stable_partition(devices.begin(), devices.end(),
                          [](const Device& device) { return is_network_alias(device.alias); });
    for (const Device& device : devices) {
        if (wanted_.load() != request) return;  // a new driver: perhaps of one that goes before
        if (is_needed_first(device.alias)) probe(device);
    }
}

Status BindOrder::release() const {
    Status status = put(bus_ / "drivers_autoprobe", "1");
    for (const Device& device : unbound()) probe(device);
    return status;
}

}  // namespace osiekit::init
