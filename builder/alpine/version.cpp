#include "builder/alpine/version.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace osiekit::builder::alpine {
namespace {

// In the order of the grammar: where two versions part, the kind that comes earlier is the newer.
enum class Kind { first_number, number, letter, suffix, suffix_number, hash, revision, end };

struct Token {
    Kind kind = Kind::end;
    std::string_view text;
    int suffix = 0;  // negative: before the plain version
};

struct Suffix {
    std::string_view name;
    int rank;
};
constexpr std::array<Suffix, 9> suffixes = {{{"alpha", -4},
                                             {"beta", -3},
                                             {"pre", -2},
                                             {"rc", -1},
                                             {"cvs", 1},
                                             {"svn", 2},
                                             {"git", 3},
                                             {"hg", 4},
                                             {"p", 5}}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_hexadecimal(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

template <typename Test>
std::string_view take_while(std::string_view& text, Test test) {
    auto end = std::find_if_not(text.begin(), text.end(), test);
    auto length = static_cast<std::size_t>(end - text.begin());
    std::string_view taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool take_numbers(std::string_view& text, std::vector<Token>& tokens) {
    Kind kind = Kind::first_number;
    do {
        std::string_view number = take_while(text, is_digit);
        if (number.empty()) return false;
        tokens.push_back({kind, number});
        kind = Kind::number;
    } while (take(text, "."));
    return true;
}

bool take_suffix(std::string_view& text, std::vector<Token>& tokens) {
    std::string_view name = take_while(text, is_lower);
    const auto* known = std::find_if(suffixes.begin(), suffixes.end(),
                                     [&](const Suffix& suffix) { return suffix.name == name; });
    if (known == suffixes.end()) return false;
    tokens.push_back({Kind::suffix, name, known->rank});
    std::string_view number = take_while(text, is_digit);
    if (!number.empty()) tokens.push_back({Kind::suffix_number, number});
    return true;
}

// The tokens with one of kind end behind them; nullopt if the text is no version.
std::optional<std::vector<Token>> tokenize(std::string_view text) {
    std::vector<Token> tokens;
    if (text.size() > version_limit || !take_numbers(text, tokens)) return std::nullopt;
    if (!text.empty() && is_lower(text.front())) {
        tokens.push_back({Kind::letter, text.substr(0, 1)});
        text.remove_prefix(1);
    }
    while (take(text, "_"))
        if (!take_suffix(text, tokens)) return std::nullopt;
    if (take(text, "~")) {
        std::string_view hash = take_while(text, is_hexadecimal);
        if (hash.empty()) return std::nullopt;
        tokens.push_back({Kind::hash, hash});
    }
    if (take(text, "-r")) {
        std::string_view number = take_while(text, is_digit);
        if (number.empty()) return std::nullopt;
        tokens.push_back({Kind::revision, number});
    }
    if (!text.empty()) return std::nullopt;
    tokens.push_back({});
    return tokens;
}

std::weak_ordering compare_text(std::string_view a, std::string_view b) {
    return a.compare(b) <=> 0;
}

// Numbers of any length.
std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
    a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
    b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
    if (a.size() != b.size()) return a.size() <=> b.size();
    return compare_text(a, b);
}

std::weak_ordering compare_tokens(const Token& a, const Token& b) {
    switch (a.kind) {
        case Kind::number:
            // "1.05" is a decimal fraction: before "1.1".
            if (a.text.front() == '0' || b.text.front() == '0') return compare_text(a.text, b.text);
            return compare_numbers(a.text, b.text);
        case Kind::first_number:
        case Kind::suffix_number:
        case Kind::revision:
            return compare_numbers(a.text, b.text);
        case Kind::suffix:
            return a.suffix <=> b.suffix;
        case Kind::letter:
        case Kind::hash:
            return compare_text(a.text, b.text);
        case Kind::end:
            break;
    }
    return std::weak_ordering::equivalent;
}

std::weak_ordering compare(const std::vector<Token>& a, const std::vector<Token>& b, bool fuzzy) {
    for (std::size_t i = 0;; ++i) {
        if (fuzzy && b[i].kind == Kind::end) return std::weak_ordering::equivalent;
        if (a[i].kind != b[i].kind) {
            if (a[i].suffix < 0) return std::weak_ordering::less;
            if (b[i].suffix < 0) return std::weak_ordering::greater;
            return b[i].kind <=> a[i].kind;
        }
        if (auto order = compare_tokens(a[i], b[i]); order != 0) return order;
        if (a[i].kind == Kind::end) return std::weak_ordering::equivalent;
    }
}

}  // namespace

bool valid_version(std::string_view text) {
    return tokenize(text).has_value();
}

std::weak_ordering compare_versions(std::string_view a, std::string_view b) {
    auto left = tokenize(a);
    auto right = tokenize(b);
    if (left.has_value() != right.has_value()) return left.has_value() <=> right.has_value();
    if (!left) return compare_text(a, b);
    return compare(*left, *right, false);
}

bool matches_prefix(std::string_view version, std::string_view prefix) {
    auto left = tokenize(version);
    auto right = tokenize(prefix);
    return left && right && compare(*left, *right, true) == 0;
}

}  // namespace osiekit::builder::alpine
