#include "builder/profile/inherit.hpp"

#include <algorithm>
#include <map>

#include "builder/profile/keys.hpp"
#include "builder/profile/yaml_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Kind = ProfileNode::Kind;

// Where the entries are that a key below "remove" names: lists and mappings by their keys.
const std::map<std::string, std::vector<std::vector<std::string>>>& removable_places() {
    static const std::map<std::string, std::vector<std::vector<std::string>>> places = {
        {"directories", {{"directories"}}},
        {"files", {{"files"}}},
        {"firmware", {{"firmware"}}},
        {"images", {{"images"}}},
        {"libraries", {{"libraries", "optional"}}},
        {"modules", {{"modules", "load"}, {"modules", "include"}}},
        {"ntp", {{"init", "ntp"}}},
        {"packages",
         {{"packages", "debian"},
          {"packages", "alpine"},
          {"packages", "exclude"},
          {"packages", "no-deps"}}},
        {"programs", {{"programs"}}},
        {"services", {{"services"}}},
        {"symlinks", {{"symlinks"}}},
        {"sysctl", {{"sysctl"}}},
        {"trees", {{"trees"}}},
        {"users", {{"users"}}}};
    return places;
}

// What an entry is called by.
std::string identity(const std::string& key, const ProfileNode& item) {
    std::string text = item.scalar;
    if (item.kind == Kind::mapping)
        for (const char* name : {key == "trees" ? "source" : "path", "name"})
            if (const ProfileNode* found = item.find(name)) text = found->scalar;
    if (key == "packages") text = text.substr(0, text.find_first_of("=<>~@/"));
    if (key == "modules") std::replace(text.begin(), text.end(), '-', '_');
    return text;
}

ProfileNode* place_in(ProfileNode& root, const std::vector<std::string>& keys) {
    ProfileNode* node = &root;
    for (const std::string& key : keys)
        if (node != nullptr) node = node->find(key);
    return node;
}

Status remove_one(ProfileNode& base, const std::string& key, const ProfileNode& wanted) {
    if (wanted.kind != Kind::scalar)
        return wanted.bad("\"remove." + key + "\" is a list of names, but this is " +
                          std::string(wanted.kind_name()));
    std::string name = identity(key, wanted);
    std::vector<std::string> there;
    std::size_t removed = 0;
    for (const auto& keys : removable_places().at(key)) {
        ProfileNode* place = place_in(base, keys);
        if (place == nullptr) continue;
        for (const ProfileNode& item : place->items) there.push_back(identity(key, item));
        for (const ProfileMember& member : place->members) there.push_back(member.key);
        removed += std::erase_if(
            place->items, [&](const ProfileNode& item) { return identity(key, item) == name; });
        if (place->erase(name)) ++removed;
    }
    if (removed > 0) return {};
    Error error = wanted.bad("nothing to remove: no \"" + printable(name) + "\" in \"" + key +
                             "\" of the profiles that this one extends");
    if (auto near = nearest(name, there))
        return std::move(error).hint("did you mean \"" + *near + "\"?");
    return error;
}

Status remove_from(ProfileNode& base, const ProfileNode& removals) {
    if (removals.kind != Kind::mapping)
        return removals
            .bad("\"remove\" must be a mapping, but is " + std::string(removals.kind_name()))
            .hint("such as remove: {packages: [NAME]}");
    for (const ProfileMember& member : removals.members) {
        const auto& known = removable_keys();
        if (std::find(known.begin(), known.end(), member.key) == known.end())
            return unknown_key(member.value, member.key, member.key_line, known);
        if (member.value.kind != Kind::list)
            return member.value.bad("\"remove." + member.key + "\" must be a list, but is " +
                                    std::string(member.value.kind_name()));
        for (const ProfileNode& item : member.value.items)
            OSIEKIT_TRY(remove_one(base, member.key, item));
    }
    return {};
}

Status merge(ProfileNode& base, ProfileNode&& over, const std::string& path) {
    bool structured = base.kind != Kind::scalar && base.kind != Kind::nothing;
    if (structured && over.kind != base.kind && over.kind != Kind::nothing)
        return over.bad("\"" + path + "\" is " + std::string(over.kind_name()) + " here, but " +
                        std::string(base.kind_name()) + " at " + base.where());
    if (!structured || over.kind == Kind::nothing) {
        base = std::move(over);
        return {};
    }
    base.file = over.file;
    base.line = over.line;
    for (ProfileNode& item : over.items) {
        bool there = item.kind == Kind::scalar &&
                     std::any_of(base.items.begin(), base.items.end(), [&](const ProfileNode& old) {
                         return old.kind == Kind::scalar && old.scalar == item.scalar;
                     });
        if (!there) base.items.push_back(std::move(item));
    }
    for (ProfileMember& member : over.members) {
        if (ProfileNode* old = base.find(member.key)) {
            std::string below = path.empty() ? member.key : path + "." + member.key;
            OSIEKIT_TRY(merge(*old, std::move(member.value), below));
        } else {
            base.members.push_back(std::move(member));
        }
    }
    return {};
}

// The short spellings become the long ones, so that one can add to the other: a list of packages is
// Debian's, and services stand beside init.
Status normalise(ProfileNode& document) {
    if (ProfileNode* packages = document.find("packages");
        packages != nullptr && packages->kind == Kind::list) {
        ProfileNode mapping;
        mapping.kind = Kind::mapping;
        mapping.file = packages->file;
        mapping.line = packages->line;
        mapping.members.push_back({"debian", packages->line, std::move(*packages)});
        *packages = std::move(mapping);
    }
    ProfileNode* init = document.find("init");
    ProfileNode* services = init == nullptr ? nullptr : init->find("services");
    if (services == nullptr) return {};
    if (const ProfileNode* other = document.find("services"))
        return services->bad("services are stated twice, here and at " + other->where());
    ProfileMember moved{"services", services->line, std::move(*services)};
    init->erase("services");
    document.members.push_back(std::move(moved));
    return {};
}

Error circle(const std::vector<std::pair<std::filesystem::path, std::string>>& visited,
             const std::filesystem::path& again, const std::string& where,
             const std::string& again_name) {
    std::string text = where + ": \"extends\" goes in a circle: ";
    bool inside = false;
    for (const auto& [path, place] : visited) {
        inside = inside || path == again;
        if (inside) text += place + " -> ";
    }
    return Error(ErrorKind::invalid_input, text + again_name)
        .hint("let one of them extend nothing of the others");
}

}  // namespace

const std::vector<std::string>& removable_keys() {
    static const std::vector<std::string> keys = [] {
        std::vector<std::string> names;
        for (const auto& [name, places] : removable_places()) names.push_back(name);
        return names;
    }();
    return keys;
}

Result<ProfileChain> load_chain(ProfileNode profile, const std::filesystem::path& path,
                                const ProfileReader& read) {
    ProfileChain chain;
    std::vector<std::pair<std::filesystem::path, std::string>> visited;
    std::filesystem::path current = path.lexically_normal();
    chain.documents.push_back(std::move(profile));
    while (const ProfileNode* extends = chain.documents.back().find("extends")) {
        if (extends->kind != Kind::scalar || extends->scalar.empty() ||
            extends->scalar.find('\0') != std::string::npos)
            return extends->bad("\"extends\" must be the path of a profile");
        std::filesystem::path next =
            (extends->file->directory / extends->scalar).lexically_normal();
        visited.emplace_back(current, extends->where());
        for (const auto& [seen, place] : visited)
            if (seen == next) return circle(visited, next, extends->where(), next.string());
        if (chain.documents.size() == longest_chain)
            return Error(ErrorKind::limit, extends->where() + ": more than " +
                                               std::to_string(longest_chain) +
                                               " profiles extend each other");
        if (!read) return extends->bad("another profile cannot be extended here");
        auto text = read(next);
        if (!text)
            return std::move(text).error().context(extends->where() + ": extends \"" +
                                                   printable(extends->scalar) + "\"");
        auto file =
            std::make_shared<const ProfileFile>(ProfileFile{next.string(), next.parent_path()});
        OSIEKIT_ASSIGN(ProfileNode document, load_document(*text, file));
        if (document.kind != Kind::mapping)
            return document.bad("the document must be a mapping, but is " +
                                std::string(document.kind_name()));
        chain.documents.push_back(std::move(document));
        chain.files.push_back(next);
        current = next;
    }
    std::reverse(chain.documents.begin(), chain.documents.end());
    return chain;
}

Result<ProfileNode> merge_chain(std::vector<ProfileNode> documents, ProfileNode defaults) {
    ProfileNode merged = std::move(defaults);
    bool first = true;
    for (ProfileNode& document : documents) {
        OSIEKIT_TRY(normalise(document));
        if (const ProfileNode* removals = document.find("remove"))
            OSIEKIT_TRY(remove_from(merged, *removals));
        for (const char* key : {"extends", "variables", "remove"}) document.erase(key);
        if (first)
            for (const ProfileMember& member : document.members) merged.erase(member.key);
        first = false;
        OSIEKIT_TRY(merge(merged, std::move(document), ""));
    }
    return merged;
}

}  // namespace osiekit::builder
