#include "builder/report/size_tree.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::uint64_t cpio_header = 110;
// Deeper paths are not taken apart further, so that a hostile image cannot make us allocate a node
// for every second byte of its names.
constexpr std::size_t deepest_folder = 64;

std::uint64_t padded(std::uint64_t size) {
    return (size + 3) / 4 * 4;
}

// What an entry takes of its archive. Names of a hard link's file share one content.
std::uint64_t archive_bytes(const InspectedEntry& entry) {
    std::uint64_t content = entry.link_to.empty() ? entry.size : 0;
    return padded(cpio_header + entry.path.size() + 1) + padded(content);
}

// A folder that is being filled.
struct Folder {
    SizeNode sizes;  // without children
    std::map<std::string, Folder, std::less<>> children;
};

void put(Folder& root, const InspectedEntry& entry, std::uint64_t packed) {
    bool directory = (entry.mode & S_IFMT) == S_IFDIR;
    Folder* folder = &root;
    auto count = [&] {
        folder->sizes.packed += packed;
        folder->sizes.unpacked += entry.link_to.empty() && !directory ? entry.size : 0;
        folder->sizes.files += directory ? 0 : 1;
    };
    count();
    std::string_view path = entry.path;
    for (std::size_t depth = 1; !path.empty(); ++depth) {
        std::size_t slash = depth < deepest_folder ? path.find('/') : std::string_view::npos;
        std::string_view part = path.substr(0, slash);
        path.remove_prefix(std::min(path.size(), part.size() + 1));
        if (part.empty() || part == ".") continue;
        folder = &folder->children[std::string(part)];
        count();
    }
}

bool larger(const SizeNode& a, const SizeNode& b) {
    return a.packed != b.packed ? a.packed > b.packed : a.name < b.name;
}

SizeNode finished(std::string name, Folder&& folder) {
    // A chain of folders with nothing else in them is one node.
    while (folder.children.size() == 1 && !folder.children.begin()->second.children.empty()) {
        name += "/" + folder.children.begin()->first;
        auto inner = std::move(folder.children.begin()->second.children);
        folder.children = std::move(inner);
    }
    SizeNode node = std::move(folder.sizes);
    node.name = std::move(name);
    for (auto& [child, contents] : folder.children)
        node.children.push_back(finished(child, std::move(contents)));
    std::sort(node.children.begin(), node.children.end(), larger);
    return node;
}

// The segment's bytes of the image, shared out so that they add up.
SizeNode segment_node(const InspectedSegment& segment, std::string name, std::uint64_t packed) {
    std::uint64_t all = 0;
    for (const InspectedEntry& entry : segment.entries) all += archive_bytes(entry);
    Folder root;
    std::uint64_t before = 0;
    std::uint64_t given = 0;
    for (const InspectedEntry& entry : segment.entries) {
        before += archive_bytes(entry);
        double part = static_cast<double>(before) / static_cast<double>(all);
        auto upto =
            before == all ? packed : static_cast<std::uint64_t>(static_cast<double>(packed) * part);
        put(root, entry, upto - given);
        given = upto;
    }
    root.sizes.packed = packed;
    SizeNode node = std::move(root.sizes);
    node.name = std::move(name);
    for (auto& [child, contents] : root.children)
        node.children.push_back(finished(child, std::move(contents)));
    std::sort(node.children.begin(), node.children.end(), larger);
    return node;
}

}  // namespace

std::vector<std::string> segment_names(const Contents& contents) {
    const auto& segments = contents.inspection.segments;
    std::vector<std::string> names;
    auto list = contents.manifest.find("segments");
    if (!contents.manifest.is_object() || list == contents.manifest.end() || !list->is_array() ||
        list->size() != segments.size())
        return {};
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto& item = (*list)[i];
        if (!item.is_object() || !item.contains("name") || !item["name"].is_string() ||
            !item.contains("size") || !item["size"].is_number_unsigned() ||
            segments[i].offset != offset)
            return {};
        offset += item["size"].get<std::uint64_t>();
        names.push_back(item["name"].get<std::string>());
    }
    return names;
}

SizeNode size_tree(const Contents& contents, std::uint64_t vmlinuz) {
    const Inspection& inspection = contents.inspection;
    std::vector<std::string> names = segment_names(contents);
    SizeNode image;
    image.name = "image";
    if (vmlinuz > 0) image.children.push_back({"vmlinuz", vmlinuz, vmlinuz, 1, {}});
    for (std::size_t i = 0; i < inspection.segments.size(); ++i) {
        const InspectedSegment& segment = inspection.segments[i];
        bool last = i + 1 == inspection.segments.size();
        std::uint64_t start = i == 0 ? 0 : segment.offset;
        std::uint64_t end = last ? inspection.size : inspection.segments[i + 1].offset;
        std::string name = names.empty() ? "segment " + std::to_string(i) + " (" +
                                               std::string(to_string(segment.compression)) + ")"
                                         : names[i];
        image.children.push_back(segment_node(segment, std::move(name), end - start));
    }
    for (const SizeNode& child : image.children) {
        image.packed += child.packed;
        image.unpacked += child.unpacked;
        image.files += child.files;
    }
    std::sort(image.children.begin(), image.children.end(), larger);
    return image;
}

namespace {

SizeNode pruned_below(const SizeNode& tree, std::size_t depth, std::uint64_t least) {
    SizeNode node{tree.name, tree.packed, tree.unpacked, tree.files, {}};
    if (depth == 0) return node;
    SizeNode rest;
    std::size_t left_out = 0;
    for (const SizeNode& child : tree.children) {
        bool alone = left_out == 0 && &child == &tree.children.back();
        if (child.packed >= least || alone) {
            node.children.push_back(pruned_below(child, depth - 1, least));
            continue;
        }
        ++left_out;
        rest.packed += child.packed;
        rest.unpacked += child.unpacked;
        rest.files += child.files;
    }
    if (left_out == 0) return node;
    rest.name = std::to_string(left_out) + " more";
    node.children.push_back(std::move(rest));
    return node;
}

}  // namespace

SizeNode pruned(const SizeNode& tree, std::size_t depth, double least) {
    return pruned_below(tree, depth,
                        static_cast<std::uint64_t>(static_cast<double>(tree.packed) * least));
}

nlohmann::ordered_json size_json(const SizeNode& tree) {
    nlohmann::ordered_json result = {{"name", tree.name},
                                     {"packed", tree.packed},
                                     {"unpacked", tree.unpacked},
                                     {"files", tree.files}};
    if (tree.children.empty()) return result;
    result["children"] = nlohmann::ordered_json::array();
    for (const SizeNode& child : tree.children) result["children"].push_back(size_json(child));
    return result;
}

}  // namespace osiekit::builder
