#include "server/document/document.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "lib/base/text.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

Error limit_error(const std::string& what) {
    return Error(ErrorKind::limit, what).hint("split the document or make it smaller");
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    for (auto word : words)
        if (text == word) return true;
    return false;
}

template <typename T>
std::optional<T> number(std::string_view text, int base = 10) {
    T value{};
    auto [end, error] = [&] {
        if constexpr (std::is_floating_point_v<T>)
            return std::from_chars(text.data(), text.data() + text.size(), value);
        else
            return std::from_chars(text.data(), text.data() + text.size(), value, base);
    }();
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

json integer_or_text(std::string_view text) {
    std::string_view digits = text;
    bool negative = !digits.empty() && digits.front() == '-';
    if (negative || (!digits.empty() && digits.front() == '+')) digits.remove_prefix(1);
    if (digits.starts_with("0x")) {
        if (auto value = number<std::int64_t>(digits.substr(2), 16))
            return negative ? -*value : *value;
        return std::string(text);
    }
    if (digits.size() > 1 && digits.front() == '0' && digits[1] != '.') return std::string(text);
    if (digits.empty() || (digits.front() != '.' && (digits.front() < '0' || digits.front() > '9')))
        return std::string(text);
    if (auto value = number<std::int64_t>(digits)) return negative ? -*value : *value;
    if (digits.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
        return std::string(text);
    if (auto value = number<double>(digits); value && std::isfinite(*value))
        return negative ? -*value : *value;
    return std::string(text);
}

json plain_scalar(const std::string& text) {
    if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
    if (is_one_of(text, {"true", "True", "TRUE"})) return true;
    if (is_one_of(text, {"false", "False", "FALSE"})) return false;
    return integer_or_text(text);
}

class Converter {
  public:
    explicit Converter(Document& document) : document_(document) {}

    Result<json> convert(const YAML::Node& node, const std::string& path, int depth) {
        if (depth > max_document_depth)
            return limit_error("nested deeper than " + std::to_string(max_document_depth));
        if (++nodes_ > max_document_nodes)
            return limit_error("more than " + std::to_string(max_document_nodes) + " values");
        document_.lines.emplace(path, node.Mark().line + 1);
        switch (node.Type()) {
            case YAML::NodeType::Scalar:
                return scalar(node, path);
            case YAML::NodeType::Sequence:
                return sequence(node, path, depth);
            case YAML::NodeType::Map:
                return mapping(node, path, depth);
            default:
                return json(nullptr);
        }
    }

  private:
    json scalar(const YAML::Node& node, const std::string& path) {
        if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return node.Scalar();
        json value = plain_scalar(node.Scalar());
        if (!value.is_string()) document_.raw.emplace(path, node.Scalar());
        return value;
    }

    Result<json> sequence(const YAML::Node& node, const std::string& path, int depth) {
        json list = json::array();
        for (const auto& item : node) {
            std::string at = path + "[" + std::to_string(list.size()) + "]";
            OSIEKIT_ASSIGN(json value, convert(item, at, depth + 1));
            list.push_back(std::move(value));
        }
        return list;
    }

    Result<json> mapping(const YAML::Node& node, const std::string& path, int depth) {
        json object = json::object();
        std::vector<YAML::Node> merges;
        for (const auto& entry : node) {
            if (!entry.first.IsScalar())
                return Error(ErrorKind::invalid_input, at_line(entry.first) + "a key must be text");
            const std::string& key = entry.first.Scalar();
            if (key == "<<") {
                merges.push_back(entry.second);
                continue;
            }
            if (object.contains(key))
                return Error(ErrorKind::invalid_input, at_line(entry.first) + "the key '" +
                                                           printable(key) + "' is given twice");
            std::string below = path.empty() ? key : path + "." + key;
            OSIEKIT_ASSIGN(object[key], convert(entry.second, below, depth + 1));
            document_.lines[below] = entry.first.Mark().line + 1;
        }
        for (const auto& merge : merges) OSIEKIT_TRY(merge_into(object, merge, path, depth));
        return object;
    }

    Status merge_into(json& object, const YAML::Node& source, const std::string& path, int depth) {
        OSIEKIT_ASSIGN(json merged, convert(source, path, depth + 1));
        if (merged.is_object()) merged = json::array({merged});
        if (!merged.is_array())
            return Error(ErrorKind::invalid_input, at_line(source) + "'<<' takes a mapping");
        for (const auto& part : merged) {
            if (!part.is_object())
                return Error(ErrorKind::invalid_input, at_line(source) + "'<<' takes mappings");
            for (const auto& [key, value] : part.items())
                if (!object.contains(key)) object[key] = value;
        }
        return {};
    }

    static std::string at_line(const YAML::Node& node) {
        return "line " + std::to_string(node.Mark().line + 1) + ": ";
    }

    Document& document_;
    std::size_t nodes_ = 0;
};

Status check_size(std::string_view text) {
    if (text.size() <= max_document_bytes) return {};
    return limit_error("the document has " + std::to_string(text.size()) + " bytes, more than " +
                       std::to_string(max_document_bytes));
}

}  // namespace

int Document::line(std::string path) const {
    while (true) {
        if (auto it = lines.find(path); it != lines.end()) return it->second;
        auto cut = path.find_last_of(".[");
        if (cut == std::string::npos) return path.empty() ? 0 : line("");
        path.resize(cut);
    }
}

Result<Document> parse_yaml(std::string_view text) {
    OSIEKIT_TRY(check_size(text));
    try {
        Document document;
        std::vector<YAML::Node> parts = YAML::LoadAll(std::string(text));
        if (parts.size() > 1)
            return Error(ErrorKind::invalid_input, "line " +
                                                       std::to_string(parts[1].Mark().line + 1) +
                                                       ": a second document begins")
                .hint("push the documents one by one");
        if (parts.empty()) return document;
        OSIEKIT_ASSIGN(document.value, Converter(document).convert(parts[0], "", 0));
        return document;
    } catch (const YAML::Exception& e) {
        return Error(ErrorKind::invalid_input,
                     "line " + std::to_string(e.mark.line + 1) + ": not YAML: " + e.msg);
    }
}

Result<Document> parse_json(std::string_view text) {
    OSIEKIT_TRY(check_size(text));
    bool too_deep = false;
    auto guard = [&](int depth, json::parse_event_t, json&) {
        too_deep = too_deep || depth > max_document_depth;
        return !too_deep;
    };
    try {
        Document document;
        document.value = json::parse(text, guard);
        if (too_deep)
            return limit_error("nested deeper than " + std::to_string(max_document_depth));
        return document;
    } catch (const json::exception& e) {
        return Error(ErrorKind::invalid_input, std::string("not JSON: ") + e.what());
    }
}

Result<Document> parse_document(std::string_view text, DocumentFormat format) {
    if (format == DocumentFormat::yaml) return parse_yaml(text);
    if (format == DocumentFormat::json) return parse_json(text);
    std::string_view start = trim(text);
    bool braces = !start.empty() && (start.front() == '{' || start.front() == '[');
    return braces ? parse_json(text) : parse_yaml(text);
}

}  // namespace osiekit::server
