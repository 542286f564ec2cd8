#pragma once

#include <filesystem>

#include "images/common/environment.hpp"

namespace osiekit::images::reboot {

// Leaves the request where the agent looks after it has reported success: FOLDER/reboot or
// FOLDER/poweroff, by the variable ACTION (default reboot). The folder must exist: it is the volume
// /worker:/worker, and without it nobody would see the request.
Status leave_request(const Environment& environment, const std::filesystem::path& folder);

}  // namespace osiekit::images::reboot
