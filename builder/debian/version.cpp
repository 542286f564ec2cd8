#include "builder/debian/version.hpp"

#include <algorithm>

namespace osiekit::builder {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct Parts {
    std::string_view epoch;
    std::string_view upstream;
    std::string_view revision;
};

Parts take_apart(std::string_view text) {
    Parts parts;
    std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
        parts.epoch = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    std::size_t hyphen = text.rfind('-');
    parts.upstream = text.substr(0, hyphen);
    if (hyphen != std::string_view::npos) parts.revision = text.substr(hyphen + 1);
    return parts;
}

// "~" before the end of the part, the end before letters, letters before all else.
int weight(std::string_view text, std::size_t at) {
    if (at >= text.size() || is_digit(text[at])) return 0;
    char c = text[at];
    if (c == '~') return -1;
    if (is_letter(c)) return static_cast<unsigned char>(c);
    return static_cast<unsigned char>(c) + 256;
}

// Removes the digits at the front and returns them without leading zeros.
std::string_view take_number(std::string_view& text) {
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    std::string_view number = text.substr(0, end);
    text.remove_prefix(end);
    number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
    return number;
}

std::weak_ordering compare_parts(std::string_view a, std::string_view b) {
    while (!a.empty() || !b.empty()) {
        std::size_t at = 0;
        while ((at < a.size() && !is_digit(a[at])) || (at < b.size() && !is_digit(b[at]))) {
            int left = weight(a, at);
            int right = weight(b, at);
            if (left != right) return left <=> right;
            ++at;
        }
        a.remove_prefix(std::min(at, a.size()));
        b.remove_prefix(std::min(at, b.size()));
        std::string_view left = take_number(a);
        std::string_view right = take_number(b);
        if (left.size() != right.size()) return left.size() <=> right.size();
        if (int order = left.compare(right); order != 0) return order <=> 0;
    }
    return std::weak_ordering::equivalent;
}

}  // namespace

std::weak_ordering compare_versions(std::string_view a, std::string_view b) {
    Parts left = take_apart(a);
    Parts right = take_apart(b);
    if (auto order = compare_parts(left.epoch, right.epoch); order != 0) return order;
    if (auto order = compare_parts(left.upstream, right.upstream); order != 0) return order;
    return compare_parts(left.revision, right.revision);
}

}  // namespace osiekit::builder
