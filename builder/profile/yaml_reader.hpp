#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/profile/document.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A place in a profile that is read strictly: each function either gives a value of the wanted type
// or an error "file:line: what is wrong".
class YamlValue {
  public:
    using Members = std::vector<std::pair<std::string, YamlValue>>;

    // Shares the document, which stays unchanged.
    YamlValue(std::shared_ptr<const ProfileNode> node, std::string path)
        : node_(std::move(node)), path_(std::move(path)) {}

    // "profiles/x.yaml:12"
    std::string where() const { return node_->where(); }
    // An error at this place, kind invalid_input.
    Error bad(const std::string& message) const { return node_->bad(message); }
    // What relative names start from: the folder of the file that says this.
    const std::filesystem::path& directory() const { return node_->file->directory; }

    // A scalar's text. `what` says what is wanted, for the message: "a path".
    Result<std::string> text(std::string_view what) const;
    Result<std::uint64_t> number(std::uint64_t lowest, std::uint64_t highest) const;
    // "true" or "false".
    Result<bool> yes_or_no() const;
    Result<std::vector<YamlValue>> list() const;
    // The members of a mapping in their order. Keys that are not in `known` are errors.
    Result<Members> members(const std::vector<std::string>& known) const;
    // A mapping whose keys are the user's own.
    Result<Members> free_members() const;

    bool is_scalar() const { return node_->kind == ProfileNode::Kind::scalar; }

  private:
    Error wrong_type(std::string_view wanted) const;
    YamlValue child(const ProfileNode& node, std::string path) const;

    std::shared_ptr<const ProfileNode> node_;
    std::string path_;  // "modules.load[2]"
};

// An error "unknown key" at file and line, with the nearest known one as hint.
Error unknown_key(const ProfileNode& value, const std::string& key, int key_line,
                  const std::vector<std::string>& known);

}  // namespace osiekit::builder
