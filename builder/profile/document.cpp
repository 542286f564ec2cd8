#include "builder/profile/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "lib/base/text.hpp"

namespace osiekit::builder {

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

int line_of(const YAML::Node& node, int otherwise) {
    YAML::Mark mark = node.Mark();
    return mark.is_null() || node.IsNull() ? otherwise : mark.line + 1;
}

// Copies yaml-cpp's nodes into ours.
class Converter {
  public:
    explicit Converter(std::shared_ptr<const ProfileFile> file) : file_(std::move(file)) {}

    Result<ProfileNode> convert(const YAML::Node& from, int line, std::size_t depth) {
        ProfileNode node;
        node.file = file_;
        node.line = line_of(from, line);
        if (++count_ > most_values)
            return Error(ErrorKind::limit,
                         node.where() + ": more than " + std::to_string(most_values) + " values");
        if (depth > deepest_nesting)
            return Error(ErrorKind::limit, node.where() + ": nested deeper than " +
                                               std::to_string(deepest_nesting) + " levels");
        if (from.IsScalar()) {
            node.kind = ProfileNode::Kind::scalar;
            node.scalar = from.Scalar();
        } else if (from.IsSequence()) {
            node.kind = ProfileNode::Kind::list;
            for (const YAML::Node& item : from) {
                OSIEKIT_ASSIGN(ProfileNode copy, convert(item, node.line, depth + 1));
                node.items.push_back(std::move(copy));
            }
        } else if (from.IsMap()) {
            node.kind = ProfileNode::Kind::mapping;
            OSIEKIT_TRY(convert_members(from, node, depth));
        }
        return node;
    }

  private:
    Status convert_members(const YAML::Node& from, ProfileNode& node, std::size_t depth) {
        std::set<std::string> seen;
        for (const auto& pair : from) {
            ProfileNode place;
            place.file = file_;
            place.line = line_of(pair.first, node.line);
            if (!pair.first.IsScalar()) return place.bad("a key must be a single value");
            const std::string& key = pair.first.Scalar();
            if (!seen.insert(key).second)
                return place.bad("the key \"" + printable(key) + "\" occurs twice");
            OSIEKIT_ASSIGN(ProfileNode value, convert(pair.second, place.line, depth + 1));
            node.members.push_back({key, place.line, std::move(value)});
        }
        return {};
    }

    std::shared_ptr<const ProfileFile> file_;
    std::size_t count_ = 0;
};

}  // namespace

std::string ProfileNode::where() const {
    return line > 0 ? file->name + ":" + std::to_string(line) : file->name;
}

Error ProfileNode::bad(const std::string& message) const {
    return Error(ErrorKind::invalid_input, where() + ": " + message);
}

std::string_view ProfileNode::kind_name() const {
    switch (kind) {
        case Kind::scalar:
            return "a single value";
        case Kind::list:
            return "a list";
        case Kind::mapping:
            return "a mapping";
        case Kind::nothing:
            break;
    }
    return "nothing";
}

std::string canonical_text(const ProfileNode& node) {
    auto sized = [](const std::string& text) { return std::to_string(text.size()) + ":" + text; };
    std::string text;
    switch (node.kind) {
        case ProfileNode::Kind::scalar:
            return "s" + sized(node.scalar);
        case ProfileNode::Kind::list:
            for (const ProfileNode& item : node.items) text += canonical_text(item);
            return "l" + std::to_string(node.items.size()) + text;
        case ProfileNode::Kind::mapping:
            for (const ProfileMember& member : node.members)
                text += sized(member.key) + canonical_text(member.value);
            return "m" + std::to_string(node.members.size()) + text;
        case ProfileNode::Kind::nothing:
            break;
    }
    return "n";
}

const ProfileNode* ProfileNode::find(std::string_view key) const {
    for (const ProfileMember& member : members)
        if (member.key == key) return &member.value;
    return nullptr;
}

ProfileNode* ProfileNode::find(std::string_view key) {
    for (ProfileMember& member : members)
        if (member.key == key) return &member.value;
    return nullptr;
}

bool ProfileNode::erase(std::string_view key) {
    return std::erase_if(members, [&](const ProfileMember& member) { return member.key == key; }) >
           0;
}

Result<ProfileNode> load_document(std::string_view text, std::shared_ptr<const ProfileFile> file) {
    std::string name = file->name;
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
        return Converter(std::move(file)).convert(YAML::Load(std::string(text)), 1, 0);
    } catch (const YAML::Exception& error) {
        int line = error.mark.is_null() ? 1 : error.mark.line + 1;
        return Error(ErrorKind::invalid_input,
                     name + ":" + std::to_string(line) + ": not YAML: " + error.msg);
    }
}

}  // namespace osiekit::builder
