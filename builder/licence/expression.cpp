#include "builder/licence/expression.hpp"

#include <algorithm>

#include "builder/licence/identifiers.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view and_word = " AND ";
constexpr std::string_view or_word = " OR ";

// Names of licences, operators in lower case, "(" and ")" and ",".
std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    for (std::string_view word : split_words(text)) {
        std::string piece;
        auto flush = [&] {
            if (!piece.empty()) words.push_back(std::move(piece));
            piece.clear();
        };
        for (char c : word) {
            if (c == '(' || c == ')' || c == ',' || c == ';') {
                flush();
                words.emplace_back(1, c == ';' ? ',' : c);
            } else {
                piece += c;
            }
        }
        flush();
    }
    return words;
}

bool is_operator(const std::string& word) {
    for (const char* known : {"and", "or", "and/or", "with", ",", "(", ")", "|"})
        if (equal_ignoring_case(word, known)) return true;
    return false;
}

// In parentheses if an AND beside it would tear its OR apart.
std::string grouped(const std::string& expression) {
    int depth = 0;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        if (expression[i] == '(') ++depth;
        if (expression[i] == ')') --depth;
        if (depth == 0 && expression.compare(i, or_word.size(), or_word) == 0)
            return "(" + expression + ")";
    }
    return expression;
}

class Parser {
  public:
    Parser(std::vector<std::string> words, LicenceDialect dialect)
        : words_(std::move(words)), dialect_(dialect) {}

    Result<std::string> run() {
        OSIEKIT_ASSIGN(std::string result, loose());
        if (at_ != words_.size()) return bad();
        return result;
    }

  private:
    bool next_is(const char* word) const {
        return at_ < words_.size() && equal_ignoring_case(words_[at_], word);
    }
    bool skip(const char* word) {
        bool there = next_is(word);
        if (there) ++at_;
        return there;
    }
    bool skip_or() { return skip("or") || skip("and/or") || skip("|"); }
    Error bad() const {
        std::string where = at_ < words_.size() ? "\"" + printable(words_[at_]) + "\"" : "its end";
        return Error(ErrorKind::invalid_input, "a licence is missing before " + where);
    }

    // Commas: "A or B, and C".
    Result<std::string> loose() {
        OSIEKIT_ASSIGN(std::string result, alternatives());
        while (skip(",")) {
            bool either = skip_or();
            if (!either) skip("and");
            if (at_ == words_.size() || next_is(")")) break;  // a comma at the end
            OSIEKIT_ASSIGN(std::string right, alternatives());
            result = either ? result + std::string(or_word) + right
                            : grouped(result) + std::string(and_word) + grouped(right);
        }
        return result;
    }

    Result<std::string> alternatives() {
        OSIEKIT_ASSIGN(std::string result, conjunction());
        while (skip_or()) {
            OSIEKIT_ASSIGN(std::string right, conjunction());
            result += std::string(or_word) + right;
        }
        return result;
    }

    Result<std::string> conjunction() {
        OSIEKIT_ASSIGN(std::string result, licence());
        for (;;) {
            bool side_by_side = dialect_ == LicenceDialect::alpine && at_ < words_.size() &&
                                (!is_operator(words_[at_]) || next_is("("));
            if (!skip("and") && !side_by_side) return result;
            OSIEKIT_ASSIGN(std::string right, licence());
            result = grouped(result) + std::string(and_word) + grouped(right);
        }
    }

    Result<std::string> licence() {
        if (skip("(")) {
            if (++depth_ > deepest_licence_text)
                return Error(ErrorKind::limit, "parentheses are nested deeper than " +
                                                   std::to_string(deepest_licence_text) +
                                                   " levels");
            OSIEKIT_ASSIGN(std::string inside, loose());
            if (!skip(")")) return bad();
            --depth_;
            return grouped(inside);
        }
        if (at_ == words_.size() || is_operator(words_[at_])) return bad();
        std::string name = words_[at_++];
        if (!skip("with")) return named(name);
        std::vector<std::string> words;
        while (at_ < words_.size() && !is_operator(words_[at_])) words.push_back(words_[at_++]);
        if (words.empty()) return bad();
        std::string exception = join(words, " ");
        auto identifier = spdx_identifier(name);
        if (identifier)
            if (auto known = spdx_exception(exception, *identifier))
                return *identifier + " WITH " + *known;
        return licence_reference(name + "-with-" + exception);
    }

    static std::string named(const std::string& name) {
        if (name.starts_with(licence_reference_prefix))
            return licence_reference(
                std::string_view(name).substr(licence_reference_prefix.size()));
        if (auto identifier = spdx_identifier(name)) return grouped(*identifier);
        return licence_reference(name);
    }

    std::vector<std::string> words_;
    LicenceDialect dialect_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
};

// Two names beside each other, and no "with" before them: a sentence.
bool is_sentence(const std::vector<std::string>& words) {
    bool after_with = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (is_operator(words[i])) {
            after_with = equal_ignoring_case(words[i], "with");
            continue;
        }
        if (!after_with && i > 0 && !is_operator(words[i - 1])) return true;
    }
    return false;
}

}  // namespace

Result<std::string> spdx_expression(std::string_view text, LicenceDialect dialect) {
    if (text.size() > longest_licence_text)
        return Error(ErrorKind::limit, "a licence text of " + std::to_string(text.size()) +
                                           " bytes, more than " +
                                           std::to_string(longest_licence_text));
    std::vector<std::string> words = words_of(text);
    if (words.empty()) return Error(ErrorKind::invalid_input, "the licence is empty");
    if (dialect == LicenceDialect::debian && is_sentence(words)) return licence_reference(text);
    return Parser(std::move(words), dialect).run();
}

std::string all_of(const std::set<std::string>& expressions) {
    std::set<std::string> parts;
    for (const std::string& expression : expressions) {
        if (expression.find(or_word) != std::string::npos) {
            parts.insert(expression);
            continue;
        }
        std::size_t start = 0;
        for (;;) {
            std::size_t end = expression.find(and_word, start);
            parts.insert(expression.substr(start, end - start));
            if (end == std::string::npos) break;
            start = end + and_word.size();
        }
    }
    if (parts.size() == 1) return *parts.begin();
    std::vector<std::string> list;
    for (const std::string& part : parts) list.push_back(grouped(part));
    return join(list, and_word);
}

std::vector<std::string> licence_references(std::string_view expression) {
    std::set<std::string> found;
    for (const std::string& word : words_of(expression))
        if (word.starts_with(licence_reference_prefix)) found.insert(word);
    return {found.begin(), found.end()};
}

}  // namespace osiekit::builder
