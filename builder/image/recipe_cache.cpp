#include "builder/image/recipe_cache.hpp"

#include "lib/base/digest.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {
constexpr std::uint64_t largest_recipe = 256ULL << 20U;
constexpr std::size_t digest_line = Sha256::size * 2 + 1;
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
    auto text = read_file(file_of(key), largest_recipe);
    if (!text || text->size() < digest_line) return std::nullopt;
    std::string_view body = std::string_view(*text).substr(digest_line);
    if (text->substr(0, digest_line) != Sha256::of(body).hex() + "\n") return std::nullopt;
    auto document = nlohmann::json::parse(body, nullptr, false);
    if (!document.is_object() || !document.contains("value") || document["key"] != key)
        return std::nullopt;
    return document["value"];
}

Status RecipeCache::put(const std::string& key, const nlohmann::json& value) const {
    std::string body = nlohmann::json{{"key", key}, {"value", value}}.dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
    return write_file(file_of(key), Sha256::of(body).hex() + "\n" + body)
        .context("writing to the cache");
}

}  // namespace osiekit::builder
