#pragma once

#include <chrono>
#include <filesystem>

namespace osiekit::images {

// How long an action waits for its disk. The environment starts its agent as soon as the network is
// up; the driver of a disk may still be looking for it then.
constexpr std::chrono::seconds device_wait{20};

// Waits until the path exists, at most `limit`; says so on standard output if it has to wait. False
// if it did not appear: opening it then gives the error.
bool wait_for_device(const std::filesystem::path& path,
                     std::chrono::milliseconds limit = device_wait);

}  // namespace osiekit::images
