#pragma once

#include <filesystem>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// The folder that the running osiekit is in: where the other programs are looked for by default.
Result<std::filesystem::path> own_folder();

}  // namespace osiekit::builder
