#include "builder/image/diff.hpp"

#include <sys/stat.h>

#include "builder/packages/package.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Facts = std::map<std::string, std::string>;

std::string facts_of(const InspectedEntry& entry) {
    std::uint32_t type = entry.mode & S_IFMT;
    std::string text =
        mode_text(entry.mode) + " " + std::to_string(entry.uid) + ":" + std::to_string(entry.gid);
    if (type == S_IFREG) text += " " + std::to_string(entry.size) + " " + entry.digest.oci();
    if (type == S_IFLNK) text += " -> " + entry.target;
    if (type == S_IFCHR || type == S_IFBLK)
        text += " " + std::to_string(entry.device_major) + "," + std::to_string(entry.device_minor);
    return text;
}

Facts files_of(const Contents& contents) {
    Facts facts;
    for (const auto& [path, place] : contents.files)
        facts.emplace_hint(facts.end(), path, facts_of(contents.entry(place)));
    return facts;
}

Facts names_of(const std::set<std::string>& names) {
    Facts facts;
    for (const std::string& name : names) facts.emplace_hint(facts.end(), name, "present");
    return facts;
}

Facts packages_of(const Contents& contents) {
    Facts facts;
    if (!contents.manifest.is_object()) return facts;
    auto list = contents.manifest.find("packages");
    if (list == contents.manifest.end() || !list->is_array()) return facts;
    auto text = [](const nlohmann::json& item, const char* key) -> std::string {
        auto found = item.find(key);
        return found != item.end() && found->is_string() ? found->get<std::string>() : "";
    };
    for (const auto& item : *list) {
        if (!item.is_object()) continue;
        std::string system = text(item, "system");
        std::string name = package_reference(system, text(item, "name"));
        facts.insert_or_assign(
            std::move(name),
            text(item, "version") + " " + text(item, "architecture") + " " + text(item, "digest"));
    }
    return facts;
}

std::vector<Difference> compare(const Facts& before, const Facts& after) {
    std::vector<Difference> found;
    auto left = before.begin();
    auto right = after.begin();
    while (left != before.end() || right != after.end()) {
        if (right == after.end() || (left != before.end() && left->first < right->first)) {
            found.push_back({left->first, left->second, ""});
            ++left;
        } else if (left == before.end() || right->first < left->first) {
            found.push_back({right->first, "", right->second});
            ++right;
        } else {
            if (left->second != right->second)
                found.push_back({left->first, left->second, right->second});
            ++left;
            ++right;
        }
    }
    return found;
}

nlohmann::ordered_json side_json(const std::string& side) {
    return side.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(side);
}

nlohmann::ordered_json list_json(const std::vector<Difference>& list) {
    auto result = nlohmann::ordered_json::array();
    for (const Difference& item : list) {
        nlohmann::ordered_json entry = {{"name", item.name}};
        entry["before"] = side_json(item.before);
        entry["after"] = side_json(item.after);
        result.push_back(std::move(entry));
    }
    return result;
}

}  // namespace

ImageDiff diff_images(const Contents& before, const Contents& after) {
    ImageDiff diff;
    // An image without a manifest says nothing of packages.
    if (before.manifest.is_object() && after.manifest.is_object())
        diff.packages = compare(packages_of(before), packages_of(after));
    diff.files = compare(files_of(before), files_of(after));
    diff.modules = compare(names_of(before.modules), names_of(after.modules));
    diff.kernels = compare(names_of(before.kernels), names_of(after.kernels));
    diff.size_before = before.inspection.size;
    diff.size_after = after.inspection.size;
    diff.unpacked_before = before.inspection.unpacked;
    diff.unpacked_after = after.inspection.unpacked;
    return diff;
}

nlohmann::ordered_json diff_json(const ImageDiff& diff) {
    return {{"same", diff.same()},
            {"packages", list_json(diff.packages)},
            {"kernels", list_json(diff.kernels)},
            {"modules", list_json(diff.modules)},
            {"files", list_json(diff.files)},
            {"size", {{"before", diff.size_before}, {"after", diff.size_after}}},
            {"unpacked", {{"before", diff.unpacked_before}, {"after", diff.unpacked_after}}}};
}

}  // namespace osiekit::builder
