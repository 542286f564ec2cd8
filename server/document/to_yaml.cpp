#include "lib/base/text.hpp"
#include "server/document/document.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

// Plain style only where no reader could take the text for something else.
bool is_plain(const std::string& text) {
    if (text.empty() || text.size() > 80) return false;
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (!letter(text.front()) && text.front() != '/') return false;
    for (char c : text)
        if (!letter(c) && !(c >= '0' && c <= '9') &&
            std::string_view("/._-").find(c) == std::string_view::npos)
            return false;
    for (auto word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
        if (equal_ignoring_case(text, word)) return false;
    return true;
}

std::string scalar(const json& value) {
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (is_plain(text)) return text;
    }
    // A JSON string is a double-quoted YAML scalar.
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void write(const json& value, std::size_t indent, std::string& out);

void write_below(const json& value, std::size_t indent, std::string& out) {
    if (value.is_structured() && !value.empty()) {
        out += '\n';
        write(value, indent, out);
    } else {
        out += ' ' + scalar(value) + '\n';
    }
}

void write(const json& value, std::size_t indent, std::string& out) {
    std::string margin(indent, ' ');
    if (value.is_object()) {
        for (const auto& [key, item] : value.items()) {
            out += margin + scalar(json(key)) + ':';
            write_below(item, item.is_array() ? indent : indent + 2, out);
        }
        return;
    }
    for (const auto& item : value) {
        if (item.is_structured() && !item.empty()) {
            std::string nested;
            write(item, indent + 2, nested);
            out += margin + "- " + nested.substr(indent + 2);
        } else {
            out += margin + "- " + scalar(item) + '\n';
        }
    }
}

}  // namespace

std::string to_yaml(const json& value) {
    if (!value.is_structured() || value.empty()) return scalar(value);
    std::string out;
    write(value, 0, out);
    return out;
}

}  // namespace osiekit::server
