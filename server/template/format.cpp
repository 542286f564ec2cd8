#include <array>
#include <cstdio>

#include "server/template/functions.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;

constexpr int max_width = 1000;

// One "%-08.3d" taken apart.
struct Verb {
    bool minus = false;
    bool plus = false;
    bool zero = false;
    bool sharp = false;
    bool blank = false;
    int width = 0;
    int precision = -1;
    char letter = '\0';
};

Result<int> digits(const std::string& pattern, std::size_t& at) {
    int value = 0;
    for (; at < pattern.size() && pattern[at] >= '0' && pattern[at] <= '9'; ++at) {
        value = value * 10 + (pattern[at] - '0');
        if (value > max_width)
            return Error(ErrorKind::limit, "the width in the format is too large");
    }
    return value;
}

Result<Verb> parse_verb(const std::string& pattern, std::size_t& at) {
    Verb verb;
    for (bool flags = true; flags && at < pattern.size();) {
        switch (pattern[at]) {
            case '-':
                verb.minus = true;
                break;
            case '+':
                verb.plus = true;
                break;
            case '0':
                verb.zero = true;
                break;
            case '#':
                verb.sharp = true;
                break;
            case ' ':
                verb.blank = true;
                break;
            default:
                flags = false;
        }
        if (flags) ++at;
    }
    OSIEKIT_ASSIGN(verb.width, digits(pattern, at));
    if (at < pattern.size() && pattern[at] == '.') {
        ++at;
        OSIEKIT_ASSIGN(verb.precision, digits(pattern, at));
    }
    if (at >= pattern.size()) return bad_argument("the format ends within a verb");
    verb.letter = pattern[at++];
    return verb;
}

std::string padded(const Verb& verb, std::string text) {
    auto width = static_cast<std::size_t>(verb.width);
    if (text.size() >= width) return text;
    std::size_t missing = width - text.size();
    if (verb.minus) return text + std::string(missing, ' ');
    return std::string(missing, verb.zero ? '0' : ' ') + text;
}

std::string flags_of(const Verb& verb) {
    std::string flags = "%";
    if (verb.minus) flags += '-';
    if (verb.plus) flags += '+';
    if (verb.zero && !verb.minus) flags += '0';
    if (verb.sharp) flags += '#';
    if (verb.blank) flags += ' ';
    if (verb.width > 0) flags += std::to_string(verb.width);
    if (verb.precision >= 0) flags += "." + std::to_string(verb.precision);
    return flags;
}

template <typename T>
std::string with_printf(const std::string& pattern, T value) {
    std::array<char, 2048> buffer{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int size = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), value);
#pragma GCC diagnostic pop
    auto length = std::min(static_cast<std::size_t>(size < 0 ? 0 : size), buffer.size() - 1);
    return {buffer.data(), length};
}

std::string binary(const Verb& verb, std::int64_t value) {
    std::string out;
    auto bits = static_cast<std::uint64_t>(value < 0 ? -value : value);
    do out.insert(out.begin(), static_cast<char>('0' + (bits & 1U)));
    while ((bits >>= 1U) != 0);
    return padded(verb, (value < 0 ? "-" : "") + out);
}

std::string hex_of_text(const Verb& verb, const std::string& text) {
    std::string out;
    for (char c : text)
        out += with_printf(verb.letter == 'x' ? "%02x" : "%02X",
                           static_cast<unsigned>(static_cast<unsigned char>(c)));
    return padded(verb, out);
}

Error unfit(const Verb& verb, const json& value) {
    return bad_argument(std::string("the verb %") + verb.letter + " does not fit the " +
                        kind_name(value) + " " + to_text(value).substr(0, 40));
}

Result<std::string> number_text(const Verb& verb, const json& value) {
    bool whole = value.is_number_integer();
    switch (verb.letter) {
        case 'd':
        case 'o':
        case 'x':
        case 'X': {
            if (!whole) return unfit(verb, value);
            auto number = value.get<std::int64_t>();
            if (verb.letter == 'd')
                return with_printf(flags_of(verb) + "lld", static_cast<long long>(number));
            return with_printf(flags_of(verb) + "ll" + verb.letter,
                               static_cast<unsigned long long>(number));
        }
        case 'b':
            if (!whole || value.get<std::int64_t>() == INT64_MIN) return unfit(verb, value);
            return binary(verb, value.get<std::int64_t>());
        case 'c':
            if (!whole || value.get<std::int64_t>() < 32 || value.get<std::int64_t>() > 126)
                return unfit(verb, value);
            return padded(verb, std::string(1, static_cast<char>(value.get<std::int64_t>())));
        case 'e':
        case 'f':
        case 'g':
            if (whole) return unfit(verb, value);
            return with_printf(flags_of(verb) + verb.letter, value.get<double>());
        default:
            return unfit(verb, value);
    }
}

Result<std::string> one(const Verb& verb, const json& value) {
    if (verb.letter == 'v' || (verb.letter == 's' && !value.is_number() && !value.is_boolean())) {
        std::string text = to_text(value);
        if (verb.precision >= 0) text = text.substr(0, static_cast<std::size_t>(verb.precision));
        return padded(verb, text);
    }
    if (value.is_string() && verb.letter == 'q')
        return padded(verb, value.dump(-1, ' ', false, json::error_handler_t::replace));
    if (value.is_string() && (verb.letter == 'x' || verb.letter == 'X'))
        return hex_of_text(verb, value.get<std::string>());
    if (value.is_boolean() && verb.letter == 't') return padded(verb, to_text(value));
    if (value.is_number()) return number_text(verb, value);
    return unfit(verb, value);
}

}  // namespace

Result<std::string> format(const std::string& pattern, const Arguments& arguments,
                           std::size_t first) {
    std::string out;
    for (std::size_t at = 0; at < pattern.size();) {
        if (out.size() > max_function_text)
            return Error(ErrorKind::limit, "the text would be too long");
        if (pattern[at] != '%') {
            out += pattern[at++];
            continue;
        }
        ++at;
        OSIEKIT_ASSIGN(Verb verb, parse_verb(pattern, at));
        if (verb.letter == '%') {
            out += '%';
            continue;
        }
        if (first >= arguments.size())
            return bad_argument("the format wants more than the " +
                                std::to_string(arguments.size() - 1) + " values given");
        OSIEKIT_ASSIGN(std::string text, one(verb, arguments.at(first++)));
        out += text;
    }
    if (first < arguments.size())
        return bad_argument("the format uses fewer values than were given");
    return out;
}

}  // namespace osiekit::server::tmpl
