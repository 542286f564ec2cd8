#include "builder/licence/copyright.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "builder/debian/stanza.hpp"
#include "builder/licence/expression.hpp"
#include "builder/licence/identifiers.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

bool machine_readable(const std::vector<StanzaField>& header) {
    std::string_view format = stanza_value(header, "Format");
    if (format.empty()) format = stanza_value(header, "Format-Specification");
    std::string lower = to_lower(format);
    return lower.find("copyright-format") != std::string::npos ||
           lower.find("/dep5") != std::string::npos;
}

// The first line of a License field: its short name. Some write nothing there and the text below.
Result<std::string> licence_named(std::string_view field) {
    std::string_view name = trim(field.substr(0, field.find('\n')));
    if (name.empty()) return licence_reference("unnamed");
    auto expression = spdx_expression(name, LicenceDialect::debian);
    if (expression || expression.error().kind() == ErrorKind::limit) return expression;
    return licence_reference(name);
}

// Lines that start with "#" are comments (deb822(5)), which many write between paragraphs.
std::string without_comments(std::string_view text) {
    std::string kept;
    kept.reserve(text.size());
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        if (text.front() != '#') kept += text.substr(0, end);
        text.remove_prefix(end);
    }
    return kept;
}

}  // namespace

std::string copyright_path(std::string_view package) {
    return "usr/share/doc/" + std::string(package) + "/copyright";
}

Result<std::string> licence_of_copyright(std::string_view text) {
    if (text.size() > largest_copyright)
        return Error(ErrorKind::limit, "a copyright file of " + std::to_string(text.size()) +
                                           " bytes, more than " +
                                           std::to_string(largest_copyright));
    std::string plain = without_comments(text);
    StanzaReader reader(plain);
    std::vector<StanzaField> fields;
    OSIEKIT_ASSIGN(bool more, reader.next(fields));
    if (!more || !machine_readable(fields)) return std::string();
    std::string_view whole = stanza_value(fields, "License");
    std::set<std::string_view> seen;
    std::set<std::string> expressions;
    for (std::size_t count = 1;; ++count) {
        OSIEKIT_ASSIGN(more, reader.next(fields));
        if (!more) break;
        if (count > most_copyright_paragraphs)
            return Error(ErrorKind::limit, "a copyright file of more than " +
                                               std::to_string(most_copyright_paragraphs) +
                                               " paragraphs");
        auto has = [](std::string_view name) {
            return
                [name](const StanzaField& field) { return equal_ignoring_case(field.name, name); };
        };
        if (std::none_of(fields.begin(), fields.end(), has("Files"))) continue;
        if (std::none_of(fields.begin(), fields.end(), has("License"))) continue;
        std::string_view licence = stanza_value(fields, "License");
        licence = licence.substr(0, licence.find('\n'));
        if (!seen.insert(licence).second) continue;
        OSIEKIT_ASSIGN(std::string expression, licence_named(licence));
        expressions.insert(std::move(expression));
    }
    if (expressions.empty() && !whole.empty()) {
        OSIEKIT_ASSIGN(std::string expression, licence_named(whole));
        expressions.insert(std::move(expression));
    }
    if (expressions.empty()) return std::string();
    std::string all = all_of(expressions);
    if (all.size() > longest_licence_expression)
        return Error(ErrorKind::limit, "a licence expression of " + std::to_string(all.size()) +
                                           " bytes, more than " +
                                           std::to_string(longest_licence_expression));
    return all;
}

}  // namespace osiekit::builder
