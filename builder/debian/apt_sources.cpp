#include "builder/debian/apt_sources.hpp"

#include <algorithm>

#include "builder/cache/url.hpp"
#include "builder/debian/stanza.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> result;
    for (std::string_view word : split_words(text)) result.emplace_back(word);
    return result;
}

// apt's idea of a boolean.
std::optional<bool> parse_switch(std::string_view text) {
    std::string word = to_lower(trim(text));
    for (std::string_view yes : {"yes", "true", "with", "on", "enable", "1"})
        if (word == yes) return true;
    for (std::string_view no : {"no", "false", "without", "off", "disable", "0"})
        if (word == no) return false;
    return std::nullopt;
}

bool is_fingerprint(std::string_view text) {
    if (text.ends_with("!")) text.remove_suffix(1);
    return text.size() == 40 && from_hex(text).has_value();
}

std::string without_trailing_slashes(std::string_view uri) {
    while (uri.ends_with("/")) uri.remove_suffix(1);
    return std::string(uri);
}

// In a deb822 file the lines of a key block are indented and an empty line is written " .".
std::string unfolded_key_block(std::string_view value) {
    std::string block;
    for (std::string_view line : split(value, '\n')) {
        line = trim(line);
        if (line != ".") block += line;
        block += '\n';
    }
    return block;
}

Status set_signed_by(AptSource& source, std::string_view value, char separator) {
    if (value.find("-----BEGIN PGP") != std::string_view::npos) {
        source.key_block = unfolded_key_block(value);
        return {};
    }
    std::string spaced(value);
    std::replace(spaced.begin(), spaced.end(), separator, ' ');
    for (std::string& word : words(spaced)) {
        if (word[0] == '/') {
            source.keyrings.push_back(std::move(word));
        } else if (is_fingerprint(word)) {
            if (word.back() == '!') word.pop_back();
            std::transform(word.begin(), word.end(), word.begin(), [](char c) {
                return static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
            });
            source.fingerprints.push_back(std::move(word));
        } else {
            return Error(ErrorKind::invalid_input,
                         "Signed-By: \"" + printable(word, 80) +
                             "\" is neither an absolute path nor a fingerprint nor a key block");
        }
    }
    return {};
}

// Seconds; more than a thousand years.
constexpr std::uint64_t longest_validity = 1ULL << 35U;

// The options that both formats have, under their deb822 names in lower case. Unknown ones
// (languages, targets, pdiffs…) do not concern us.
Status set_option(AptSource& source, std::string_view name, std::string_view value,
                  char separator) {
    auto flag = [&]() -> Result<bool> {
        if (auto parsed = parse_switch(value)) return *parsed;
        return Error(ErrorKind::invalid_input, std::string(name) + ": \"" + printable(value, 40) +
                                                   "\" is neither yes nor no");
    };
    if (name == "signed-by") return set_signed_by(source, value, separator);
    if (name == "architectures" || name == "arch") {
        std::string spaced(value);
        std::replace(spaced.begin(), spaced.end(), separator, ' ');
        source.architectures = words(spaced);
    } else if (name == "trusted") {
        OSIEKIT_ASSIGN(source.trusted, flag());
    } else if (name == "check-valid-until") {
        OSIEKIT_ASSIGN(source.check_valid_until, flag());
    } else if (name == "check-date") {
        OSIEKIT_ASSIGN(source.check_date, flag());
    } else if (name == "valid-until-max" || name == "valid-until-min") {
        auto seconds = parse_u64(value);
        if (!seconds || *seconds > longest_validity)
            return Error(ErrorKind::invalid_input, std::string(name) + ": \"" +
                                                       printable(value, 40) +
                                                       "\" is not a number of seconds");
        auto& limit = name.ends_with("max") ? source.longest_valid : source.shortest_valid;
        limit = static_cast<std::int64_t>(*seconds);
    }
    return {};
}

bool is_flat(std::string_view suite) {
    return suite.ends_with("/");
}

Result<std::vector<AptSource>> sources_of_stanza(const std::vector<StanzaField>& fields,
                                                 const std::string& origin) {
    std::vector<AptSource> result;
    auto value = [&](std::string_view name) { return stanza_value(fields, name); };
    if (auto enabled = value("Enabled"); !enabled.empty() && parse_switch(enabled) == false)
        return result;
    auto types = words(value("Types"));
    if (types.empty()) return Error(ErrorKind::invalid_input, "Types is missing");
    if (std::find(types.begin(), types.end(), "deb") == types.end()) return result;
    AptSource source;
    source.origin = origin;
    source.components = words(value("Components"));
    for (const StanzaField& field : fields)
        OSIEKIT_TRY(set_option(source, to_lower(field.name), field.value, ' '));
    auto uris = words(value("URIs"));
    auto suites = words(value("Suites"));
    if (uris.empty()) return Error(ErrorKind::invalid_input, "URIs is missing");
    if (suites.empty()) return Error(ErrorKind::invalid_input, "Suites is missing");
    for (const std::string& uri : uris) {
        for (const std::string& suite : suites) {
            if (!is_flat(suite) && source.components.empty())
                return Error(ErrorKind::invalid_input, "Components is missing");
            source.uri = without_trailing_slashes(uri);
            source.suite = suite;
            result.push_back(source);
        }
    }
    return result;
}

// "[ a=b c=d ]": the options of a one-line source, removed from the front of `rest`.
Status take_options(AptSource& source, std::string_view& rest) {
    std::size_t end = rest.find(']');
    if (end == std::string_view::npos)
        return Error(ErrorKind::invalid_input, "\"]\" is missing after the options");
    for (std::string_view option : split_words(rest.substr(1, end - 1))) {
        std::size_t at = option.find('=');
        if (at == std::string_view::npos || at == 0)
            return Error(ErrorKind::invalid_input,
                         "\"" + printable(option, 60) + "\" is not OPTION=VALUE");
        std::string name = to_lower(option.substr(0, at));
        if (name.ends_with("+") || name.ends_with("-")) name.pop_back();
        OSIEKIT_TRY(set_option(source, name, option.substr(at + 1), ','));
    }
    rest = trim(rest.substr(end + 1));
    return {};
}

Result<std::optional<AptSource>> source_of_line(std::string_view line, const std::string& origin) {
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) return std::optional<AptSource>();
    std::size_t end = line.find_first_of(" \t");
    std::string_view type = line.substr(0, end);
    std::string_view rest = end == std::string_view::npos ? "" : trim(line.substr(end));
    if (type == "deb-src") return std::optional<AptSource>();
    if (type != "deb")
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(type, 40) + "\" is neither deb nor deb-src");
    AptSource source;
    source.origin = origin;
    if (rest.starts_with("[")) OSIEKIT_TRY(take_options(source, rest));
    auto parts = words(rest);
    // "cdrom:[Debian 12 …]/ bookworm main": the blanks in the brackets belong to the URI.
    if (!parts.empty() && parts[0].starts_with("cdrom:")) {
        source.uri = "cdrom:";
        return std::optional(std::move(source));
    }
    if (parts.size() < 2)
        return Error(ErrorKind::invalid_input, "\"deb URI SUITE COMPONENT…\" is expected");
    source.uri = without_trailing_slashes(parts[0]);
    source.suite = parts[1];
    source.components.assign(parts.begin() + 2, parts.end());
    if (!is_flat(source.suite) && source.components.empty())
        return Error(ErrorKind::invalid_input, "no component is named");
    return std::optional(std::move(source));
}

}  // namespace

Result<std::vector<AptSource>> parse_deb822_sources(std::string_view text,
                                                    const std::string& name) {
    std::vector<AptSource> result;
    // Comments may stand anywhere, also within a field: the reader below does not know them. An
    // empty line cannot take their place, as it would end the paragraph.
    std::vector<std::size_t> line_numbers;
    std::string clean;
    std::size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
        ++number;
        if (line.starts_with("#")) continue;
        clean.append(line).push_back('\n');
        line_numbers.push_back(number);
    }
    StanzaReader reader(clean);
    std::vector<StanzaField> fields;
    for (;;) {
        auto more = reader.next(fields);
        if (!more) return std::move(more).error().context("reading " + name);
        if (!*more) return result;
        auto before =
            std::count(static_cast<const char*>(clean.data()), fields[0].name.data(), '\n');
        std::string origin =
            name + ":" + std::to_string(line_numbers[static_cast<std::size_t>(before)]);
        auto sources = sources_of_stanza(fields, origin);
        if (!sources) return std::move(sources).error().context(origin);
        std::move(sources->begin(), sources->end(), std::back_inserter(result));
    }
}

Result<std::vector<AptSource>> parse_one_line_sources(std::string_view text,
                                                      const std::string& name) {
    std::vector<AptSource> result;
    std::size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
        std::string origin = name + ":" + std::to_string(++number);
        auto source = source_of_line(line, origin);
        if (!source) return std::move(source).error().context(origin);
        if (*source) result.push_back(**std::move(source));
    }
    return result;
}

bool suite_of_release(std::string_view suite, std::string_view codename) {
    if (!suite.starts_with(codename)) return false;
    std::string_view rest = suite.substr(codename.size());
    return rest.empty() || rest[0] == '-' || rest == "/updates";
}

}  // namespace osiekit::builder
