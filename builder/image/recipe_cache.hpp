#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// Remembers what an expensive step gave: the step and all its inputs as a text (the key) to a JSON
// value, in which digests point at blobs of the BlobCache. Files DIR/recipes/SHA256-OF-KEY, written
// whole; the first line is the digest of the rest, checked when it is read. A damaged or foreign
// file counts as absent. Thread safe.
class RecipeCache {
  public:
    static Result<RecipeCache> open(const std::filesystem::path& directory);

    std::optional<nlohmann::json> find(const std::string& key) const;
    Status put(const std::string& key, const nlohmann::json& value) const;

  private:
    explicit RecipeCache(std::filesystem::path directory) : directory_(std::move(directory)) {}
    std::filesystem::path file_of(const std::string& key) const;
    std::filesystem::path directory_;
};

}  // namespace osiekit::builder
