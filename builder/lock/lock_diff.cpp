#include "builder/lock/lock_diff.hpp"

#include <map>
#include <set>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_shown = 4096;
constexpr std::size_t short_digest = 12;

using Values = std::map<std::string, std::string>;

void compare(const std::string& kind, const Values& before, const Values& after,
             std::vector<LockChange>& changes) {
    std::set<std::string> names;
    for (const auto* side : {&before, &after})
        for (const auto& [name, value] : *side) names.insert(name);
    for (const std::string& name : names) {
        auto value = [&](const Values& side) {
            auto found = side.find(name);
            return found == side.end() ? std::string() : found->second;
        };
        if (value(before) != value(after))
            changes.push_back({kind, name, value(before), value(after)});
    }
}

Values settings_of(const LockInputs& inputs) {
    return {{"profile", inputs.profile}, {"architecture", inputs.architecture},
            {"builder", inputs.builder}, {"compression", inputs.compression},
            {"library", inputs.library}, {"mtime", std::to_string(inputs.mtime)}};
}

Values digests_of(const std::vector<LockedDigest>& items) {
    Values values;
    for (const LockedDigest& item : items) values[item.name] = item.digest.hex();
    return values;
}

Values requests_of(const LockInputs& inputs) {
    Values values;
    for (const LockedRequest& request : inputs.requests)
        values[request.list + " " + request.name] = "asked for";
    return values;
}

std::string uses_of(const LockedPackage& package) {
    return join(package.uses, "+");
}

}  // namespace

std::vector<LockChange> diff_inputs(const LockInputs& before, const LockInputs& after) {
    std::vector<LockChange> changes;
    compare("setting", settings_of(before), settings_of(after), changes);
    compare("request", requests_of(before), requests_of(after), changes);
    compare("variable", digests_of(before.variables), digests_of(after.variables), changes);
    compare("key", digests_of(before.keys), digests_of(after.keys), changes);
    compare("file", digests_of(before.files), digests_of(after.files), changes);
    compare("program", digests_of(before.programs), digests_of(after.programs), changes);
    return changes;
}

std::vector<LockChange> diff_packages(const std::vector<LockedPackage>& before,
                                      const std::vector<LockedPackage>& after) {
    // Versions first; what else differs is added where the version is the same.
    auto by_name = [](const std::vector<LockedPackage>& packages, bool exactly) {
        Values values;
        for (const LockedPackage& package : packages) {
            std::string text = package.version;
            if (exactly)
                text += " (" + package.architecture + ", " + uses_of(package) + ", " +
                        package.suite + " " + package.component + ", " + package.location + ", " +
                        package.digest.hex().substr(0, short_digest) + ")";
            std::string& value = values[package.system + " " + package.name];
            value += (value.empty() ? "" : ", ") + text;
        }
        return values;
    };
    Values old_versions = by_name(before, false);
    Values new_versions = by_name(after, false);
    std::vector<LockChange> exact;
    compare("package", by_name(before, true), by_name(after, true), exact);
    for (LockChange& change : exact) {
        auto was = old_versions.find(change.name);
        auto is = new_versions.find(change.name);
        bool both = was != old_versions.end() && is != new_versions.end();
        if (both && was->second == is->second) continue;
        if (was != old_versions.end()) change.before = was->second;
        if (is != new_versions.end()) change.after = is->second;
    }
    return exact;
}

std::vector<LockChange> diff_locks(const Lock& before, const Lock& after) {
    std::vector<LockChange> changes = diff_inputs(before.inputs, after.inputs);
    for (LockChange& change : diff_packages(before.packages, after.packages))
        changes.push_back(std::move(change));
    return changes;
}

std::string changes_text(const std::vector<LockChange>& changes) {
    std::string text;
    for (const LockChange& change : changes) {
        auto shown = [](const std::string& value) { return printable(value, longest_shown); };
        bool added = change.before.empty();
        bool removed = change.after.empty();
        text += added ? "+ " : removed ? "- " : "! ";
        text += change.kind + " " + shown(change.name);
        if (added || removed) {
            if (change.kind == "package") text += " " + shown(added ? change.after : change.before);
        } else if (change.kind == "package" || change.kind == "setting") {
            text += " " + shown(change.before) + " -> " + shown(change.after);
        }
        text += "\n";
    }
    return text;
}

nlohmann::ordered_json changes_json(const std::vector<LockChange>& changes) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const LockChange& change : changes) {
        nlohmann::ordered_json item = {{"kind", change.kind}, {"name", change.name}};
        if (!change.before.empty()) item["before"] = change.before;
        if (!change.after.empty()) item["after"] = change.after;
        list.push_back(std::move(item));
    }
    return list;
}

}  // namespace osiekit::builder
