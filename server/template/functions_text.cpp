#include <algorithm>

#include "lib/base/text.hpp"
#include "server/template/functions.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;
using Answer = Result<json>;

std::string strip(std::string text, const std::string& cut, bool left, bool right) {
    if (right) {
        auto end = text.find_last_not_of(cut);
        text.erase(end == std::string::npos ? 0 : end + 1);
    }
    if (left) text.erase(0, std::min(text.find_first_not_of(cut), text.size()));
    return text;
}

std::string replaced(const std::string& text, const std::string& from, const std::string& to) {
    if (from.empty()) return text;
    std::string out;
    std::size_t at = 0;
    for (auto hit = text.find(from); hit != std::string::npos; hit = text.find(from, at)) {
        out += text.substr(at, hit - at) + to;
        at = hit + from.size();
        if (out.size() > max_function_text) break;
    }
    return out + text.substr(at);
}

std::string indented(const std::string& text, std::int64_t columns) {
    std::string margin(static_cast<std::size_t>(columns), ' ');
    return margin + replaced(text, "\n", "\n" + margin);
}

std::string titled(std::string text) {
    bool start = true;
    for (char& c : text) {
        if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        start = c == ' ' || c == '\t' || c == '\n' || c == '-';
    }
    return text;
}

// As a Go or JSON string literal.
std::string in_quotes(const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

// A function of one text.
template <typename F>
Function of_text(F function) {
    return {1, 1, [function](const Arguments& a) -> Answer {
                OSIEKIT_ASSIGN(std::string text, a.text(0));
                return json(function(std::move(text)));
            }};
}

// A function of two texts.
template <typename F>
Function of_texts(F function) {
    return {2, 2, [function](const Arguments& a) -> Answer {
                OSIEKIT_ASSIGN(std::string first, a.text(0));
                OSIEKIT_ASSIGN(std::string second, a.text(1));
                return json(function(std::move(first), std::move(second)));
            }};
}

Answer repeat(const Arguments& a) {
    OSIEKIT_ASSIGN(auto count, a.integer(0));
    OSIEKIT_ASSIGN(std::string text, a.text(1));
    if (count < 0) return bad_argument("a negative count");
    if (text.empty()) return json("");
    if (static_cast<std::uint64_t>(count) > max_function_text / text.size())
        return Error(ErrorKind::limit, "the text would be too long");
    std::string out;
    for (; count > 0; --count) out += text;
    return json(out);
}

Answer indent(const Arguments& a, const char* before) {
    OSIEKIT_ASSIGN(auto columns, a.integer(0));
    OSIEKIT_ASSIGN(std::string text, a.text(1));
    if (columns < 0 || columns > 1000) return bad_argument("the indentation must be 0 to 1000");
    auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    if (lines * static_cast<std::uint64_t>(columns) > max_function_text)
        return Error(ErrorKind::limit, "the text would be too long");
    return json(before + indented(text, columns));
}

Answer replace(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string from, a.text(0));
    OSIEKIT_ASSIGN(std::string to, a.text(1));
    OSIEKIT_ASSIGN(std::string text, a.text(2));
    std::string out = replaced(text, from, to);
    if (out.size() > max_function_text)
        return Error(ErrorKind::limit, "the text would be too long");
    return json(std::move(out));
}

Answer substr(const Arguments& a) {
    OSIEKIT_ASSIGN(auto start, a.integer(0));
    OSIEKIT_ASSIGN(auto end, a.integer(1));
    OSIEKIT_ASSIGN(std::string text, a.text(2));
    auto size = static_cast<std::int64_t>(text.size());
    if (start < 0) start = 0;
    if (end < 0 || end > size) end = size;
    if (start >= end) return json("");
    return json(
        text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start)));
}

Answer trunc(const Arguments& a) {
    OSIEKIT_ASSIGN(auto count, a.integer(0));
    OSIEKIT_ASSIGN(std::string text, a.text(1));
    auto size = static_cast<std::int64_t>(text.size());
    if (count >= 0) return json(text.substr(0, static_cast<std::size_t>(std::min(count, size))));
    if (count < -size) return json(text);
    return json(text.substr(static_cast<std::size_t>(size + count)));
}

Answer quote_all(const Arguments& a, bool single) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a.at(i).is_null()) continue;
        std::string text = a.any_text(i);
        out += (out.empty() ? "" : " ") + (single ? "'" + text + "'" : in_quotes(text));
    }
    return json(out);
}

Answer cat(const Arguments& a) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!a.at(i).is_null()) out += (out.empty() ? "" : " ") + a.any_text(i);
    return json(out);
}

Answer join_list(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string separator, a.text(0));
    if (!a.at(1).is_array()) return json(a.any_text(1));
    std::string out;
    bool first = true;
    for (const auto& item : a.at(1)) {
        if (item.is_null()) continue;
        out += (first ? "" : separator) + to_text(item);
        first = false;
        if (out.size() > max_function_text)
            return Error(ErrorKind::limit, "the text would be too long");
    }
    return json(out);
}

std::vector<std::string> pieces(const std::string& separator, const std::string& text) {
    std::vector<std::string> result;
    if (separator.empty()) {
        for (char c : text) result.emplace_back(1, c);
        return result;
    }
    std::size_t at = 0;
    for (auto hit = text.find(separator); hit != std::string::npos;
         hit = text.find(separator, at)) {
        result.push_back(text.substr(at, hit - at));
        at = hit + separator.size();
    }
    result.push_back(text.substr(at));
    return result;
}

json numbered(const std::vector<std::string>& list) {
    json out = json::object();
    for (std::size_t i = 0; i < list.size(); ++i) out["_" + std::to_string(i)] = list[i];
    return out;
}

// print puts a blank between two operands when neither is text, println always.
std::string printed(const Arguments& a, bool line) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) {
        bool blank = line || (i > 0 && !a.at(i).is_string() && !a.at(i - 1).is_string());
        out += (i > 0 && blank ? " " : "") + a.any_text(i);
    }
    return line ? out + "\n" : out;
}

void add_trimming(FunctionTable& table) {
    constexpr const char* blanks = " \t\n\r\v\f";
    table["trim"] = of_text([](std::string t) { return strip(std::move(t), blanks, true, true); });
    table["trimAll"] = of_texts(
        [](std::string cut, std::string t) { return strip(std::move(t), cut, true, true); });
    table["trimPrefix"] = of_texts([](const std::string& prefix, std::string t) {
        return t.starts_with(prefix) ? t.substr(prefix.size()) : t;
    });
    table["trimSuffix"] = of_texts([](const std::string& suffix, std::string t) {
        return t.ends_with(suffix) ? t.substr(0, t.size() - suffix.size()) : t;
    });
    table["nospace"] = of_text([](std::string t) {
        std::erase_if(
            t, [](char c) { return std::string_view(blanks).find(c) != std::string_view::npos; });
        return t;
    });
}

}  // namespace

void add_text_functions(FunctionTable& table) {
    add_trimming(table);
    table["lower"] = of_text([](const std::string& t) { return to_lower(t); });
    table["upper"] = of_text([](std::string t) {
        for (char& c : t)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        return t;
    });
    table["title"] = of_text(titled);
    table["contains"] = of_texts([](const std::string& part, const std::string& t) {
        return t.find(part) != std::string::npos;
    });
    table["hasPrefix"] =
        of_texts([](const std::string& part, const std::string& t) { return t.starts_with(part); });
    table["hasSuffix"] =
        of_texts([](const std::string& part, const std::string& t) { return t.ends_with(part); });
    table["splitList"] = of_texts(pieces);
    table["split"] = of_texts([](const std::string& separator, const std::string& t) {
        return numbered(pieces(separator, t));
    });
    table["repeat"] = {2, 2, repeat};
    table["indent"] = {2, 2, [](const Arguments& a) { return indent(a, ""); }};
    table["nindent"] = {2, 2, [](const Arguments& a) { return indent(a, "\n"); }};
    table["replace"] = {3, 3, replace};
    table["substr"] = {3, 3, substr};
    table["trunc"] = {2, 2, trunc};
    table["quote"] = {0, any_number, [](const Arguments& a) { return quote_all(a, false); }};
    table["squote"] = {0, any_number, [](const Arguments& a) { return quote_all(a, true); }};
    table["cat"] = {0, any_number, cat};
    table["join"] = {2, 2, join_list};
    table["toString"] = {1, 1, [](const Arguments& a) -> Answer { return json(a.any_text(0)); }};
    table["print"] = {0, any_number,
                      [](const Arguments& a) -> Answer { return json(printed(a, false)); }};
    table["println"] = {0, any_number,
                        [](const Arguments& a) -> Answer { return json(printed(a, true)); }};
    table["printf"] = {1, any_number, [](const Arguments& a) -> Answer {
                           OSIEKIT_ASSIGN(std::string pattern, a.text(0));
                           OSIEKIT_ASSIGN(std::string out, format(pattern, a, 1));
                           return json(std::move(out));
                       }};
}

}  // namespace osiekit::server::tmpl
