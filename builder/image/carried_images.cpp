#include "builder/image/carried_images.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "builder/image/compose.hpp"
#include "builder/image/cpio_writer.hpp"
#include "lib/oci/reference.hpp"

namespace osiekit::builder {

namespace {

using nlohmann::ordered_json;

static_assert(largest_carried <= largest_cpio_file);  // so each of its parts has a place

std::string in_layout(std::string_view name) {
    return std::string(carried_path) + "/" + std::string(name);
}

Result<ordered_json> index_entry(const CarriedImage& image) {
    const oci::Descriptor& named = image.parts.front();
    ordered_json entry = {
        {"mediaType", named.media_type}, {"digest", named.digest.oci()}, {"size", named.size}};
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(image.name));
    if (reference.tag.empty()) return entry;
    reference.digest.reset();
    entry["annotations"] = {{"org.opencontainers.image.ref.name", reference.to_string()}};
    return entry;
}

}  // namespace

Result<Tree> carried_tree(const std::vector<CarriedImage>& images) {
    Tree tree;
    auto own = [&](std::string_view name, std::string text) {
        return tree.add(in_layout(name),
                        Entry::file(FileContent::bytes(std::move(text)), std::string(base_origin)));
    };
    ordered_json index = {{"schemaVersion", 2},
                          {"mediaType", oci::media_type_index},
                          {"manifests", ordered_json::array()}};
    std::set<oci::ContentDigest> seen;
    for (const CarriedImage& image : images) {
        std::string origin = "package " + package_reference("oci", image.name);
        OSIEKIT_ASSIGN(ordered_json entry, index_entry(image));
        index["manifests"].push_back(std::move(entry));
        for (std::size_t i = 0; i < image.files.size(); ++i) {
            const oci::ContentDigest& digest = image.parts[i].digest;
            if (!seen.insert(digest).second) continue;
            OSIEKIT_ASSIGN(auto content, FileContent::file(image.files[i]));
            OSIEKIT_TRY(tree.add(in_layout("blobs/sha256/" + digest.hex()),
                                 Entry::file(std::move(content), origin)));
        }
    }
    OSIEKIT_TRY(own("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}\n"));
    OSIEKIT_TRY(own("index.json",
                    index.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    return tree;
}

std::string carried_key(const std::vector<CarriedImage>& images) {
    std::string key = "images 1";
    // The architecture has chosen the parts.
    for (const CarriedImage& image : images) {
        key += " " + image.name;
        for (const oci::Descriptor& part : image.parts) key += " " + part.digest.hex();
    }
    return key;
}

}  // namespace osiekit::builder
