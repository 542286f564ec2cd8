#include "builder/profile/checks.hpp"

#include <algorithm>
#include <cctype>

#include "builder/tree.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::uint32_t highest_mode = 07777;
constexpr std::uint64_t highest_id = 0xfffffffeULL;  // -1 means "leave it" to chown(2)

bool is_letter_or_digit(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80;
}

}  // namespace

Result<std::uint32_t> read_mode(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("a mode such as 0644"));
    std::string_view digits = text;
    if (digits.starts_with("0o")) digits.remove_prefix(2);
    bool octal =
        digits.size() >= 3 && digits.size() <= 5 &&
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c < '8'; });
    std::uint32_t mode = 0;
    if (octal)
        for (char c : digits) mode = mode << 3U | static_cast<std::uint32_t>(c - '0');
    if (!octal || mode > highest_mode)
        return value.bad("\"" + printable(text) + "\" is not a mode")
            .hint("write three or four octal digits, such as 0644");
    return mode;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> parse_owner(std::string_view text) {
    auto parts = split(text, ':');
    if (parts.size() != 2) return std::nullopt;
    auto uid = parse_u64(parts[0]);
    auto gid = parse_u64(parts[1]);
    if (!uid || !gid || *uid > highest_id || *gid > highest_id) return std::nullopt;
    return std::pair(static_cast<std::uint32_t>(*uid), static_cast<std::uint32_t>(*gid));
}

Result<std::pair<std::uint32_t, std::uint32_t>> read_owner(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("an owner such as 0:0"));
    if (auto owner = parse_owner(text)) return *owner;
    return value.bad("\"" + printable(text) + "\" is not an owner")
        .hint("write the numbers of user and group, such as 0:0");
}

Result<std::string> read_path(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("a path"));
    if (!text.starts_with('/'))
        return value.bad("the path \"" + printable(text) + "\" does not start with \"/\"");
    auto path = checked_path(text);
    if (!path) return value.bad(path.error().message());
    return path;
}

Result<std::string> read_line(const YamlValue& value, std::string_view what) {
    OSIEKIT_ASSIGN(std::string text, value.text(what));
    for (char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return value.bad(std::string(what) + " must be one line without control characters");
    return text;
}

bool is_name(std::string_view text, std::string_view also, std::size_t longest) {
    return !text.empty() && text.size() <= longest && is_letter_or_digit(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return is_letter_or_digit(c) || also.find(c) != std::string_view::npos;
           });
}

Result<std::string> read_name(const YamlValue& value, std::string_view what, std::string_view also,
                              std::size_t longest) {
    OSIEKIT_ASSIGN(std::string text, value.text(what));
    if (!is_name(text, also, longest))
        return value.bad("\"" + printable(text) + "\" is not " + std::string(what))
            .hint("letters, digits and " + std::string(also) + ", at most " +
                  std::to_string(longest) + ", first a letter or digit");
    return text;
}

}  // namespace osiekit::builder
