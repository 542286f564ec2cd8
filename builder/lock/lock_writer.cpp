#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "builder/lock/lock.hpp"

namespace osiekit::builder {

using nlohmann::ordered_json;

namespace {

std::string one_line(const ordered_json& value) {
    // Bytes that are no UTF-8 cannot stand in JSON; names with such bytes are refused before.
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

template <typename Item, typename ToJson>
std::string list_text(std::string_view key, const std::vector<Item>& items, const ToJson& to_json) {
    std::string text = "  \"" + std::string(key) + "\": [";
    for (std::size_t i = 0; i < items.size(); ++i)
        text += (i == 0 ? "\n    " : ",\n    ") + one_line(to_json(items[i]));
    return text + (items.empty() ? "]" : "\n  ]");
}

ordered_json digest_json(const LockedDigest& item) {
    return {{"name", item.name}, {"sha256", item.digest.hex()}};
}

ordered_json package_json(const LockedPackage& package) {
    return {{"system", package.system},       {"name", package.name},
            {"version", package.version},     {"architecture", package.architecture},
            {"uses", package.uses},           {"suite", package.suite},
            {"component", package.component}, {"location", package.location},
            {"source", package.source},       {"source_version", package.source_version},
            {"license", package.license},     {"identity", package.identity},
            {"size", package.size},           {"sha256", package.digest.hex()}};
}

void sort_digests(std::vector<LockedDigest>& items) {
    std::sort(items.begin(), items.end(), [](const LockedDigest& a, const LockedDigest& b) {
        return std::tie(a.name, a.digest) < std::tie(b.name, b.digest);
    });
}

}  // namespace

void sort_lock(Lock& lock) {
    LockInputs& inputs = lock.inputs;
    for (auto* list : {&inputs.keys, &inputs.variables, &inputs.files, &inputs.programs})
        sort_digests(*list);
    std::sort(inputs.requests.begin(), inputs.requests.end());
    for (LockedPackage& package : lock.packages)
        std::sort(package.uses.begin(), package.uses.end());
    std::sort(lock.packages.begin(), lock.packages.end(),
              [](const LockedPackage& a, const LockedPackage& b) {
                  return std::tie(a.system, a.name, a.version, a.architecture) <
                         std::tie(b.system, b.name, b.version, b.architecture);
              });
}

std::string lock_text(const Lock& unsorted) {
    Lock lock = unsorted;
    sort_lock(lock);
    const LockInputs& inputs = lock.inputs;
    std::vector<std::string> parts;
    for (const auto& [key, value] :
         std::vector<std::pair<const char*, ordered_json>>{{"format", lock_format},
                                                           {"profile", inputs.profile},
                                                           {"architecture", inputs.architecture},
                                                           {"builder", inputs.builder},
                                                           {"compression", inputs.compression},
                                                           {"library", inputs.library},
                                                           {"mtime", inputs.mtime}})
        parts.push_back("  \"" + std::string(key) + "\": " + one_line(value));
    for (const auto& [key, list] :
         {std::pair{"keys", &inputs.keys}, std::pair{"variables", &inputs.variables},
          std::pair{"files", &inputs.files}, std::pair{"programs", &inputs.programs}})
        parts.push_back(list_text(key, *list, digest_json));
    parts.push_back(list_text("requests", inputs.requests, [](const LockedRequest& request) {
        return ordered_json{{"list", request.list}, {"name", request.name}};
    }));
    parts.push_back(list_text("packages", lock.packages, package_json));
    std::string text = "{\n";
    for (std::size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : ",\n") + parts[i];
    return text + "\n}\n";
}

}  // namespace osiekit::builder
