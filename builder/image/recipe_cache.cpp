#include "builder/image/recipe_cache.hpp"

#include "builder/cache/record.hpp"
#include "lib/base/digest.hpp"

namespace osiekit::builder {

namespace {
constexpr std::uint64_t largest_recipe = 256ULL << 20U;
}  // namespace

Result<RecipeCache> RecipeCache::open(const std::filesystem::path& directory) {
    std::filesystem::path recipes = directory / "recipes";
    std::error_code error;
    std::filesystem::create_directories(recipes, error);
    if (error)
        return Error(ErrorKind::io,
                     "cannot create the cache folder " + recipes.string() + ": " + error.message())
            .hint("choose another one with --cache");
    return RecipeCache(recipes);
}

std::filesystem::path RecipeCache::file_of(const std::string& key) const {
    return directory_ / Sha256::of(key).hex();
}

std::optional<nlohmann::json> RecipeCache::find(const std::string& key) const {
    auto body = read_checked(file_of(key), largest_recipe);
    if (!body) return std::nullopt;
    auto document = nlohmann::json::parse(*body, nullptr, false);
    if (!document.is_object() || !document.contains("value") || document["key"] != key)
        return std::nullopt;
    return document["value"];
}

Status RecipeCache::put(const std::string& key, const nlohmann::json& value) const {
    std::string body = nlohmann::json{{"key", key}, {"value", value}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
    return write_checked(file_of(key), body);
}

}  // namespace osiekit::builder
