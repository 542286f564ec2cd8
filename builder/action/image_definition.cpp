#include "builder/action/image_definition.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::action {
namespace {

const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys = {"name", "program", "entrypoint", "env", "labels"};
    return keys;
}

class Reader {
  public:
    explicit Reader(std::string file) : file_(std::move(file)) {}

    Error at(const YAML::Mark& mark, const std::string& text) const {
        return {ErrorKind::invalid_input,
                file_ + ":" + std::to_string(mark.is_null() ? 1 : mark.line + 1) + ": " + text};
    }

    Result<std::string> text(const YAML::Node& node, const std::string& key) const {
        if (!node.IsScalar() || node.Scalar().empty())
            return at(node.Mark(), "'" + key + "' must be a text");
        if (node.Scalar().find('\0') != std::string::npos)
            return at(node.Mark(), "'" + key + "' contains a NUL byte");
        return node.Scalar();
    }

    Result<std::string> file_name(const YAML::Node& node, const std::string& key) const {
        OSIEKIT_ASSIGN(std::string value, text(node, key));
        bool good = value.front() != '.' && value.front() != '-' &&
                    std::all_of(value.begin(), value.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                               c == '_' || c == '.';
                    });
        if (!good)
            return at(node.Mark(), "'" + key + "' is '" + printable(value) +
                                       "': only lower-case letters, digits, '-', '_' and '.'");
        return value;
    }

    Result<std::vector<std::string>> list(const YAML::Node& node, const std::string& key) const {
        if (!node.IsSequence() || node.size() == 0)
            return at(node.Mark(), "'" + key + "' must be a list of texts");
        std::vector<std::string> values;
        for (const YAML::Node& item : node) {
            OSIEKIT_ASSIGN(std::string value, text(item, key));
            values.push_back(std::move(value));
        }
        return values;
    }

    Result<std::map<std::string, std::string>> mapping(const YAML::Node& node,
                                                       const std::string& key) const {
        if (!node.IsMap()) return at(node.Mark(), "'" + key + "' must be a mapping of texts");
        std::map<std::string, std::string> values;
        for (const auto& item : node) {
            OSIEKIT_ASSIGN(std::string name, text(item.first, key));
            if (name.find('=') != std::string::npos)
                return at(item.first.Mark(), "'" + printable(name) + "' contains '='");
            if (!item.second.IsScalar())
                return at(item.second.Mark(), "'" + printable(name) + "' must be a text");
            if (!values.emplace(std::move(name), item.second.Scalar()).second)
                return at(item.first.Mark(), "'" + key + "' has a name twice");
        }
        return values;
    }

  private:
    std::string file_;
};

Status read_key(const Reader& reader, const std::string& key, const YAML::Node& value,
                ImageDefinition& definition) {
    if (key == "name") {
        OSIEKIT_ASSIGN(definition.name, reader.file_name(value, key));
    } else if (key == "program") {
        OSIEKIT_ASSIGN(definition.program, reader.file_name(value, key));
    } else if (key == "entrypoint") {
        OSIEKIT_ASSIGN(definition.entrypoint, reader.list(value, key));
    } else if (key == "env") {
        OSIEKIT_ASSIGN(definition.env, reader.mapping(value, key));
    } else {
        OSIEKIT_ASSIGN(definition.labels, reader.mapping(value, key));
    }
    return {};
}

Result<ImageDefinition> read_document(const Reader& reader, const YAML::Node& document) {
    if (!document.IsMap()) return reader.at(document.Mark(), "not a mapping of keys to values");
    ImageDefinition definition;
    std::vector<std::string> seen;
    for (const auto& item : document) {
        if (!item.first.IsScalar()) return reader.at(item.first.Mark(), "a key must be a text");
        const std::string& key = item.first.Scalar();
        const auto& known = known_keys();
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            Error error = reader.at(item.first.Mark(), "unknown key '" + printable(key) + "'");
            if (auto near = nearest(key, known))
                return std::move(error).hint("did you mean '" + *near + "'?");
            return std::move(error).hint("known keys: " + join(known, ", "));
        }
        if (std::find(seen.begin(), seen.end(), key) != seen.end())
            return reader.at(item.first.Mark(), "key '" + key + "' is given twice");
        seen.push_back(key);
        OSIEKIT_TRY(read_key(reader, key, item.second, definition));
    }
    for (const char* required : {"name", "program"})
        if (std::find(seen.begin(), seen.end(), required) == seen.end())
            return reader.at(document.Mark(), std::string("key '") + required + "' is missing");
    if (definition.entrypoint.empty()) definition.entrypoint = {"/" + definition.program};
    return definition;
}

}  // namespace

Result<ImageDefinition> parse_image_definition(std::string_view text, const std::string& file) {
    if (text.size() > longest_definition)
        return Error(ErrorKind::limit, file + ": larger than " + human_size(longest_definition));
    Reader reader(file);
    try {
        return read_document(reader, YAML::Load(std::string(text)));
    } catch (const YAML::Exception& error) {
        return reader.at(error.mark, error.msg);
    }
}

}  // namespace osiekit::action
