#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// A file that a profile is made of.
struct ProfileFile {
    std::string name;                 // in messages
    std::filesystem::path directory;  // what relative names in it start from
};

struct ProfileMember;

// A YAML value that remembers which file and line said it, so that values of several profiles can
// be put together and complaints still lead to their author.
struct ProfileNode {
    enum class Kind { nothing, scalar, list, mapping };

    Kind kind = Kind::nothing;
    std::string scalar;
    std::vector<ProfileNode> items;      // of a list
    std::vector<ProfileMember> members;  // of a mapping, in their order; no key occurs twice
    std::shared_ptr<const ProfileFile> file;
    int line = 1;  // from 1; of the key if the value has none of its own; 0: nobody wrote it

    // "profiles/x.yaml:12"
    std::string where() const;
    // An error at this place, kind invalid_input.
    Error bad(const std::string& message) const;
    // "a list", for messages.
    std::string_view kind_name() const;

    // The value of a key; null if it is not there, or if this is no mapping.
    const ProfileNode* find(std::string_view key) const;
    ProfileNode* find(std::string_view key);
    // Takes a key out; false if it is not there.
    bool erase(std::string_view key);
};

struct ProfileMember {
    std::string key;
    int key_line = 1;
    ProfileNode value;
};

// The value as a text that is the same for the same content, whatever layout and place it has.
std::string canonical_text(const ProfileNode& node);

// An alias counts as often as it is used.
constexpr std::size_t most_values = 500000;
// Levels of lists and mappings in each other.
constexpr std::size_t deepest_nesting = 64;

// Reads exactly one YAML document. Errors: invalid_input with file and line, limit.
Result<ProfileNode> load_document(std::string_view text, std::shared_ptr<const ProfileFile> file);

}  // namespace osiekit::builder
