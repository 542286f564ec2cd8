#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "builder/profile/profile.hpp"
#include "builder/report/image_files.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The time that documents about an image carry: that of its files, or SOURCE_DATE_EPOCH.
Result<std::uint64_t> creation_time(const Manifest& manifest);

std::string document_text(const nlohmann::ordered_json& document);

// Writes the documents that a profile asks for beside the image that was just built, each whole or
// not at all. Errors: of reading the image, of writing.
Status write_documents(const OutputSpec& outputs, const std::filesystem::path& folder);

}  // namespace osiekit::builder
