#include "builder/profile/yaml_reader.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::builder {

Error unknown_key(const ProfileNode& value, const std::string& key, int key_line,
                  const std::vector<std::string>& known) {
    auto near = nearest(key, known);
    std::string advice =
        near ? "did you mean \"" + *near + "\"?" : "known here: " + join(known, ", ");
    return Error(ErrorKind::invalid_input, value.file->name + ":" + std::to_string(key_line) +
                                               ": unknown key \"" + printable(key) + "\"")
        .hint(std::move(advice));
}

YamlValue YamlValue::child(const ProfileNode& node, std::string path) const {
    return {std::shared_ptr<const ProfileNode>(node_, &node), std::move(path)};
}

Error YamlValue::wrong_type(std::string_view wanted) const {
    std::string subject = path_.empty() ? "the document" : "\"" + path_ + "\"";
    return bad(subject + " must be " + std::string(wanted) + ", but is " +
               std::string(node_->kind_name()));
}

Result<std::string> YamlValue::text(std::string_view what) const {
    if (!is_scalar()) return wrong_type(what);
    return node_->scalar;
}

Result<std::uint64_t> YamlValue::number(std::uint64_t lowest, std::uint64_t highest) const {
    OSIEKIT_ASSIGN(std::string digits, text("a number"));
    auto value = parse_u64(digits);
    if (!value || *value < lowest || *value > highest)
        return bad("\"" + path_ + "\" must be a number from " + std::to_string(lowest) + " to " +
                   std::to_string(highest) + ", not \"" + printable(digits) + "\"");
    return *value;
}

Result<bool> YamlValue::yes_or_no() const {
    OSIEKIT_ASSIGN(std::string word, text("true or false"));
    if (word != "true" && word != "false")
        return bad("\"" + path_ + "\" must be true or false, not \"" + printable(word) + "\"");
    return word == "true";
}

Result<std::vector<YamlValue>> YamlValue::list() const {
    if (node_->kind != ProfileNode::Kind::list) return wrong_type("a list");
    std::vector<YamlValue> items;
    for (const ProfileNode& item : node_->items)
        items.push_back(child(item, path_ + "[" + std::to_string(items.size()) + "]"));
    return items;
}

Result<YamlValue::Members> YamlValue::free_members() const {
    if (node_->kind != ProfileNode::Kind::mapping) return wrong_type("a mapping");
    Members members;
    for (const ProfileMember& member : node_->members)
        members.emplace_back(
            member.key, child(member.value, path_.empty() ? member.key : path_ + "." + member.key));
    return members;
}

Result<YamlValue::Members> YamlValue::members(const std::vector<std::string>& known) const {
    for (const ProfileMember& member : node_->members)
        if (std::find(known.begin(), known.end(), member.key) == known.end())
            return unknown_key(member.value, member.key, member.key_line, known);
    return free_members();
}

}  // namespace osiekit::builder
