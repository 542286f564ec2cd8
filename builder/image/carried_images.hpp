#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/carried/carried_image.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Where tink-worker looks for images before it asks a registry.
constexpr std::string_view carried_path = "usr/share/osie/images";
// The name of the segment with all of them.
constexpr std::string_view carried_part = "images";

// One image layout (image-spec, "Image Layout") of all images, below carried_path: what several
// have in common is there once. index.json names each by its full name; one that the profile names
// by digest alone is found by that.
Result<Tree> carried_tree(const std::vector<CarriedImage>& images);

// What decides over the bytes of that tree; the cache keeps its segment by this.
std::string carried_key(const std::vector<CarriedImage>& images);

}  // namespace osiekit::builder
