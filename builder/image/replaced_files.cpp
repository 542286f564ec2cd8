#include "builder/image/replaced_files.hpp"

#include <map>
#include <optional>
#include <utility>

#include "builder/debian/relation.hpp"

namespace osiekit::builder {

namespace {

using Pair = std::pair<std::size_t, std::size_t>;

// (a, b): package a replaces package b.
std::set<Pair> replacements(const std::vector<OwnedFiles>& packages) {
    std::set<Pair> pairs;
    for (std::size_t a = 0; a < packages.size(); ++a) {
        if (packages[a].replaces.empty()) continue;
        auto groups = parse_relations(packages[a].replaces);
        if (!groups) continue;
        for (const AtomAlternatives& group : *groups)
            for (const PackageAtom& atom : group)
                for (std::size_t b = 0; b < packages.size(); ++b)
                    if (a != b && atom.name == packages[b].name &&
                        atom.accepts(packages[b].version))
                        pairs.emplace(a, b);
    }
    return pairs;
}

}  // namespace

std::vector<std::set<std::string>> replaced_files(const std::vector<OwnedFiles>& packages) {
    std::set<Pair> pairs = replacements(packages);
    std::set<std::size_t> concerned;
    for (const auto& [a, b] : pairs) concerned.insert({a, b});
    // Whose each file is, once those before in the order are unpacked.
    struct Owners {
        std::optional<std::size_t> present;
        std::vector<std::size_t> lost;
        bool refused = false;
    };
    std::map<std::string_view, Owners> files;
    for (std::size_t comes : concerned)
        for (const auto& [path, entry] : *packages[comes].entries) {
            if (entry.type == EntryType::directory) continue;
            Owners& owners = files[path];
            if (!owners.present) {
                owners.present = comes;
            } else if (pairs.count({comes, *owners.present}) != 0) {
                owners.lost.push_back(*owners.present);
                owners.present = comes;
            } else if (pairs.count({*owners.present, comes}) != 0) {
                owners.lost.push_back(comes);
            } else {
                owners.refused = true;
            }
        }
    std::vector<std::set<std::string>> lost(packages.size());
    for (const auto& [path, owners] : files)
        if (!owners.refused)
            for (std::size_t loser : owners.lost) lost[loser].emplace(path);
    return lost;
}

}  // namespace osiekit::builder
