#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "builder/profile/document.hpp"
#include "builder/profile/variables.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Gives the text of a profile that another one extends.
using ProfileReader = std::function<Result<std::string>(const std::filesystem::path&)>;

// Documents from the first ancestor to the profile itself.
struct ProfileChain {
    std::vector<ProfileNode> documents;
    std::vector<std::filesystem::path> files;  // of the ancestors, nearest first
};

constexpr std::size_t longest_chain = 16;  // profiles, with the first and the last

// Follows "extends". Errors: a circle is shown with each file and line; what `read` says, with the
// line that asked for it; a chain that is too long.
Result<ProfileChain> load_chain(ProfileNode profile, const std::filesystem::path& path,
                                const ProfileReader& read);

// Puts the documents of a chain together: lists add up (a text that is there already is not
// repeated), mappings merge, single values give way to later ones, and what a document names under
// "remove" is taken out of those before it. What a profile has without saying so (`defaults`) comes
// first; the first document replaces the keys of it that it states. Errors name file and line.
Result<ProfileNode> merge_chain(std::vector<ProfileNode> documents, ProfileNode defaults);

// The keys below "remove".
const std::vector<std::string>& removable_keys();

}  // namespace osiekit::builder
