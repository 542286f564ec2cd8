#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::init {

// What a kernel event said about a device.
struct Uevent {
    std::string action;    // "add", "remove", "change", …
    std::string device;    // path below /sys
    std::string modalias;  // empty when the device has none
};

// Reads a message of the kernel ("add@/devices/…" and NUL-terminated KEY=value lines). Messages of
// udev ("libudev…") and malformed ones are nullopt.
std::optional<Uevent> parse_uevent(std::string_view message);

// The socket on which the kernel announces devices; open it before walking /sys, so that nothing is
// lost between.
Result<Fd> open_uevent_socket();
// Hands over all events that wait. True when the kernel dropped some, which calls for a new walk.
bool drain_uevents(int fd, const std::function<void(const Uevent&)>& on_event);

}  // namespace osiekit::init
