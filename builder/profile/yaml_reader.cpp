#include "builder/profile/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

std::string_view kind_of(const YAML::Node& node) {
    if (node.IsMap()) return "a mapping";
    if (node.IsSequence()) return "a list";
    if (node.IsScalar()) return "a single value";
    return "nothing";
}

int line_of(const YAML::Node& node, int otherwise) {
    YAML::Mark mark = node.Mark();
    return mark.is_null() || node.IsNull() ? otherwise : mark.line + 1;
}

}  // namespace

Error YamlValue::bad(const std::string& message) const {
    return Error(ErrorKind::invalid_input, where() + ": " + message);
}

Error YamlValue::wrong_type(std::string_view wanted) const {
    std::string subject = path_.empty() ? "the document" : "\"" + path_ + "\"";
    return bad(subject + " must be " + std::string(wanted) + ", but is " +
               std::string(kind_of(node_)));
}

Result<std::string> YamlValue::text(std::string_view what) const {
    if (!node_.IsScalar()) return wrong_type(what);
    return node_.Scalar();
}

Result<std::uint64_t> YamlValue::number(std::uint64_t lowest, std::uint64_t highest) const {
    OSIEKIT_ASSIGN(std::string digits, text("a number"));
    auto value = parse_u64(digits);
    if (!value || *value < lowest || *value > highest)
        return bad("\"" + path_ + "\" must be a number from " + std::to_string(lowest) + " to " +
                   std::to_string(highest) + ", not \"" + printable(digits) + "\"");
    return *value;
}

Result<std::vector<YamlValue>> YamlValue::list() const {
    if (!node_.IsSequence()) return wrong_type("a list");
    std::vector<YamlValue> items;
    std::size_t index = 0;
    for (const YAML::Node& item : node_)
        items.emplace_back(item, file_, path_ + "[" + std::to_string(index++) + "]",
                           line_of(item, line_));
    return items;
}

Result<std::vector<std::pair<std::string, YamlValue>>> YamlValue::read_members(
    const std::vector<std::string>* known) const {
    if (!node_.IsMap()) return wrong_type("a mapping");
    std::vector<std::pair<std::string, YamlValue>> members;
    std::set<std::string> seen;
    for (const auto& pair : node_) {
        int line = line_of(pair.first, line_);
        YamlValue place(pair.first, file_, path_, line);
        if (!pair.first.IsScalar()) return place.bad("a key must be a single value");
        const std::string& key = pair.first.Scalar();
        if (known != nullptr && std::find(known->begin(), known->end(), key) == known->end()) {
            Error error = place.bad("unknown key \"" + printable(key) + "\"");
            auto near = nearest(key, *known);
            std::string advice =
                near ? "did you mean \"" + *near + "\"?" : "known here: " + join(*known, ", ");
            return std::move(error).hint(std::move(advice));
        }
        if (!seen.insert(key).second)
            return place.bad("the key \"" + printable(key) + "\" occurs twice");
        std::string path = path_.empty() ? key : path_ + "." + key;
        members.emplace_back(key, YamlValue(pair.second, file_, path, line_of(pair.second, line)));
    }
    return members;
}

Result<std::vector<std::pair<std::string, YamlValue>>> YamlValue::members(
    const std::vector<std::string>& known) const {
    return read_members(&known);
}

Result<std::vector<std::pair<std::string, YamlValue>>> YamlValue::free_members() const {
    return read_members(nullptr);
}

namespace {

// Counts documents without keeping them. Only the parser's events tell: LoadAll() never returns for
// some broken texts, as it goes on while the parser makes no headway.
class DocumentCounter : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        ++count_;
        last_ = mark;
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

    int count() const { return count_; }
    const YAML::Mark& last() const { return last_; }

  private:
    int count_ = 0;
    YAML::Mark last_;
};

}  // namespace

Result<YamlValue> load_yaml(std::string_view text, const std::string& name) {
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        DocumentCounter counter;
        if (!parser.HandleNextDocument(counter))
            return Error(ErrorKind::invalid_input, name + ":1: there is no YAML document in it");
        if (parser.HandleNextDocument(counter))
            return Error(ErrorKind::invalid_input,
                         name + ":" + std::to_string(counter.last().line + 1) +
                             ": a second YAML document, or something behind the first one");
        return YamlValue(YAML::Load(std::string(text)), name, "", 1);
    } catch (const YAML::Exception& error) {
        int line = error.mark.is_null() ? 1 : error.mark.line + 1;
        return Error(ErrorKind::invalid_input,
                     name + ":" + std::to_string(line) + ": not YAML: " + error.msg);
    }
}

}  // namespace osiekit::builder
