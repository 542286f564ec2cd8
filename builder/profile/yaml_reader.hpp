#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// A place in a YAML document that is read strictly: each function either gives a value of the
// wanted type or an error "file:line: what is wrong". yaml-cpp's exceptions stay behind the
// functions that are called here; load_yaml() catches the parser's.
class YamlValue {
  public:
    YamlValue(const YAML::Node& node, std::string file, std::string path, int line)
        : node_(node), file_(std::move(file)), path_(std::move(path)), line_(line) {}

    // "profiles/x.yaml:12"
    std::string where() const { return file_ + ":" + std::to_string(line_); }
    // An error at this place, kind invalid_input.
    Error bad(const std::string& message) const;

    // A scalar's text. `what` says what is wanted, for the message: "a path".
    Result<std::string> text(std::string_view what) const;
    Result<std::uint64_t> number(std::uint64_t lowest, std::uint64_t highest) const;
    Result<std::vector<YamlValue>> list() const;
    // The members of a mapping in their order. Keys that are not in `known` and keys that occur
    // twice are errors.
    Result<std::vector<std::pair<std::string, YamlValue>>> members(
        const std::vector<std::string>& known) const;
    // A mapping whose keys are the user's own.
    Result<std::vector<std::pair<std::string, YamlValue>>> free_members() const;

    bool is_scalar() const { return node_.IsScalar(); }

  private:
    Error wrong_type(std::string_view wanted) const;
    Result<std::vector<std::pair<std::string, YamlValue>>> read_members(
        const std::vector<std::string>* known) const;

    YAML::Node node_;
    std::string file_;
    std::string path_;  // "modules.load[2]"
    int line_;          // from 1; of the key if the value has none of its own
};

// Reads exactly one document. `name` is the file's name in messages.
Result<YamlValue> load_yaml(std::string_view text, const std::string& name);

}  // namespace osiekit::builder
