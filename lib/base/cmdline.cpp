#include "lib/base/cmdline.hpp"

#include "lib/base/text.hpp"

namespace osiekit {

KernelCommandLine KernelCommandLine::parse(std::string_view text) {
    KernelCommandLine line;
    std::string word;
    bool quoted = false;
    auto finish = [&] {
        if (word.empty()) return;
        std::size_t at = word.find('=');
        line.values_[word.substr(0, at)] = at == std::string::npos ? "" : word.substr(at + 1);
        word.clear();
    };
    for (char c : text) {
        if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ' ' || c == '\t' || c == '\n' || c == '\0')) {
            finish();
        } else {
            word += c;
        }
    }
    finish();
    return line;
}

std::string KernelCommandLine::get(std::string_view key, std::string_view fallback) const {
    auto it = values_.find(key);
    return it == values_.end() ? std::string(fallback) : it->second;
}

bool KernelCommandLine::flag(std::string_view key) const {
    auto it = values_.find(key);
    if (it == values_.end()) return false;
    return it->second.empty() || parse_bool(it->second).value_or(false);
}

}  // namespace osiekit
