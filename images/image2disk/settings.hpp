#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "images/common/environment.hpp"
#include "lib/base/digest.hpp"

namespace osiekit::images::image2disk {

struct Settings {
    std::string url;
    std::string disk;
    bool compressed = false;
    std::optional<Sha256> sha256;  // of the file at the URL, as it is downloaded
    bool retry = false;
    std::chrono::minutes retry_for{10};
    std::chrono::seconds progress_interval{3};
    std::string ca_file;  // extra certificates for https
};

constexpr std::uint64_t longest_retry_minutes = 24 * 60;
constexpr std::uint64_t longest_progress_seconds = 3600;

Result<Settings> read_settings(const Environment& environment);

}  // namespace osiekit::images::image2disk
