#include "images/common/environment.hpp"

#include "lib/base/text.hpp"

extern char** environ;

namespace osiekit::images {
namespace {

constexpr unsigned largest_mode = 07777;

Error wrong(std::string_view name, std::string_view value, std::string_view expected) {
    return {ErrorKind::invalid_input, std::string(name) + " is '" + printable(value) +
                                          "', which is not " + std::string(expected)};
}

}  // namespace

Environment Environment::of_process() {
    std::map<std::string, std::string, std::less<>> values;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        std::string_view text(*entry);
        std::size_t equals = text.find('=');
        if (equals != std::string_view::npos)
            values.insert_or_assign(std::string(text.substr(0, equals)),
                                    std::string(text.substr(equals + 1)));
    }
    return Environment(std::move(values));
}

Result<std::string> Environment::required(std::string_view name) const {
    auto found = values_.find(name);
    if (found == values_.end() || found->second.empty())
        return Error(ErrorKind::invalid_input, std::string(name) + " is not set")
            .hint("give it in the action's environment; --help lists all settings");
    return found->second;
}

std::string Environment::optional(std::string_view name, std::string_view fallback) const {
    auto found = values_.find(name);
    return std::string(found == values_.end() || found->second.empty() ? fallback : found->second);
}

Result<bool> Environment::boolean(std::string_view name, bool fallback) const {
    std::string text = optional(name);
    if (text.empty()) return fallback;
    auto value = parse_bool(text);
    if (!value) return wrong(name, text, "true or false");
    return *value;
}

Result<std::uint64_t> Environment::number(std::string_view name,
                                          std::optional<std::uint64_t> fallback,
                                          std::uint64_t most) const {
    std::string text = optional(name);
    if (text.empty() && fallback) return *fallback;
    OSIEKIT_ASSIGN(text, required(name));
    auto value = parse_u64(text);
    if (!value || *value > most)
        return wrong(name, text, "a whole number from 0 to " + std::to_string(most));
    return *value;
}

Result<unsigned> Environment::mode(std::string_view name) const {
    OSIEKIT_ASSIGN(std::string text, required(name));
    unsigned value = 0;
    bool good = text.size() <= 8;
    for (char c : text) {
        good = good && c >= '0' && c <= '7';
        if (good) value = value * 8 + static_cast<unsigned>(c - '0');
    }
    if (!good || value > largest_mode) return wrong(name, text, "an octal mode such as 0644");
    return value;
}

Result<std::string> Environment::absolute_path(std::string_view name) const {
    OSIEKIT_ASSIGN(std::string text, required(name));
    if (text.front() != '/') return wrong(name, text, "an absolute path");
    return text;
}

}  // namespace osiekit::images
