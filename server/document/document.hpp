#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::server {

// Bounds on a document that a stranger may send; beyond them parsing fails with kind limit.
constexpr std::size_t max_document_bytes = 1U << 20U;
constexpr int max_document_depth = 64;
constexpr std::size_t max_document_nodes = 100'000;  // after anchors are expanded

// A YAML or JSON document as one JSON value. Paths are written "spec.interfaces[0].dhcp.mac".
struct Document {
    nlohmann::json value;
    std::map<std::string, int> lines;        // path → line, from 1; empty for JSON
    std::map<std::string, std::string> raw;  // scalars that are no strings, as they were written

    // The line of the path or of what encloses it; 0 if unknown.
    int line(std::string path) const;
};

// YAML 1.2 core schema (true/false, numbers, null; a number with a leading zero stays text, so that
// file modes survive), anchors, merge keys "<<". Errors name the line: broken syntax, a key twice,
// several documents, limits.
Result<Document> parse_yaml(std::string_view text);
Result<Document> parse_json(std::string_view text);
enum class DocumentFormat { by_content, yaml, json };
// By content: JSON if the first character is '{' or '[', else YAML.
Result<Document> parse_document(std::string_view text,
                                DocumentFormat format = DocumentFormat::by_content);

// JSON value as YAML block text, keys sorted; ends with a newline unless `value` is a scalar.
std::string to_yaml(const nlohmann::json& value);

}  // namespace osiekit::server
