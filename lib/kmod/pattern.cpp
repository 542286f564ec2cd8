#include "lib/kmod/pattern.hpp"

namespace osiekit::kmod {
namespace {

constexpr std::string_view special = "*?[\\";

// What one element of the pattern other than '*' said about a character.
struct Element {
    std::size_t length = 1;  // of the element in the pattern
    bool matched = false;
};

// A bracket expression; one without a closing bracket is a literal '['.
Element bracket(std::string_view pattern, char c) {
    std::size_t at = 1;
    bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
    if (negated) ++at;
    bool found = false;
    for (std::size_t first = at; at < pattern.size(); ++at) {
        if (pattern[at] == ']' && at != first) return {at + 1, found != negated};
        char low = pattern[at];
        char high = low;
        if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
            high = pattern[at + 2];
            at += 2;
        }
        found = found || (static_cast<unsigned char>(low) <= static_cast<unsigned char>(c) &&
                          static_cast<unsigned char>(c) <= static_cast<unsigned char>(high));
    }
    return {1, c == '['};
}

Element match_one(std::string_view pattern, char c) {
    switch (pattern.front()) {
        case '?':
            return {1, true};
        case '[':
            return bracket(pattern, c);
        case '\\':
            if (pattern.size() > 1) return {2, pattern[1] == c};
            return {1, c == '\\'};
        default:
            return {1, pattern.front() == c};
    }
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
    // On a mismatch the last '*' takes one character more; earlier ones never need to.
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
            continue;
        }
        if (p < pattern.size()) {
            Element element = match_one(pattern.substr(p), text[t]);
            if (element.matched) {
                p += element.length;
                ++t;
                continue;
            }
        }
        if (star == std::string_view::npos) return false;
        p = star;
        t = ++star_text;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::string_view literal_prefix(std::string_view pattern) {
    return pattern.substr(0, pattern.find_first_of(special));
}

}  // namespace osiekit::kmod
