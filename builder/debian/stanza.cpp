#include "builder/debian/stanza.hpp"

#include <algorithm>
#include <string>

#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

std::string_view StanzaReader::take_line() {
    std::size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) end = text_.size();
    std::string_view line = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    return line;
}

Error StanzaReader::error_here(ErrorKind kind, std::string_view line,
                               std::string_view problem) const {
    std::string_view before = text_.substr(0, static_cast<std::size_t>(line.data() - text_.data()));
    auto number = 1 + std::count(before.begin(), before.end(), '\n');
    return Error(kind, "line " + std::to_string(number) + ": " + std::string(problem) + ": \"" +
                           printable(line, 60) + "\"");
}

Result<bool> StanzaReader::next(std::vector<StanzaField>& fields) {
    fields.clear();
    while (at_ < text_.size()) {
        std::string_view line = take_line();
        if (is_blank(line)) {
            if (fields.empty()) continue;
            break;
        }
        if (line[0] == ' ' || line[0] == '\t') {
            if (fields.empty())
                return error_here(ErrorKind::invalid_input, line, "continues no field");
            std::string_view& value = fields.back().value;
            value = {value.data(),
                     static_cast<std::size_t>(line.data() + line.size() - value.data())};
            if (value.size() > limits_.value_size)
                return error_here(ErrorKind::limit, line, "the field is too long");
            continue;
        }
        std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0)
            return error_here(ErrorKind::invalid_input, line, "\"Field: value\" is expected");
        if (colon > limits_.name_size || line.size() > limits_.value_size)
            return error_here(ErrorKind::limit, line, "the field is too long");
        if (fields.size() >= limits_.fields)
            return error_here(ErrorKind::limit, line, "too many fields in one paragraph");
        fields.push_back({line.substr(0, colon), line.substr(colon + 1)});
    }
    for (StanzaField& field : fields) field.value = trim(field.value);
    return !fields.empty();
}

std::string_view stanza_value(const std::vector<StanzaField>& fields, std::string_view name) {
    for (const StanzaField& field : fields)
        if (equal_ignoring_case(field.name, name)) return field.value;
    return {};
}

}  // namespace osiekit::builder
