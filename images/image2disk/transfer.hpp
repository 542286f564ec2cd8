#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "images/image2disk/settings.hpp"

namespace osiekit::images::image2disk {

struct TransferOptions {
    std::chrono::milliseconds first_delay{1000};  // before the first retry; doubles up to 30 s
    std::function<void(std::string_view)> say;    // progress, a line each
};

struct Transferred {
    std::uint64_t received = 0;
    std::uint64_t written = 0;
    int attempts = 0;
};

// Streams the image from the server onto the disk. With Settings::retry a transfer that breaks goes
// on where it stopped if the server still has the same file (Range and If-Range), else from the
// start. A cut body, a damaged or cut compressed stream and a wrong digest are errors, and leave a
// disk without a beginning.
Result<Transferred> transfer(const Settings& settings, const TransferOptions& options);

}  // namespace osiekit::images::image2disk
