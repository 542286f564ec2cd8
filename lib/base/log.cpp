#include "lib/base/log.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "lib/base/text.hpp"

namespace osiekit {
namespace {

constexpr std::array<std::string_view, 4> names = {"debug", "info", "warning", "error"};

std::string json_quoted(std::string_view text) {
    std::string result = "\"";
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (byte < 0x20) {
            result += "\\u00" + to_hex(std::string_view(&c, 1));
        } else {
            result += c;
        }
    }
    return result + '"';
}

}  // namespace

std::string rfc3339_now() {
    auto now = std::chrono::system_clock::now();
    auto seconds = std::chrono::system_clock::to_time_t(now);
    auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() %
        1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 96> text;
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                  parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                  parts.tm_min, parts.tm_sec, static_cast<int>(millis));
    return text.data();
}

bool parse_log_level(std::string_view text, LogLevel& level) {
    if (text == "warn") text = "warning";
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != text) continue;
        level = static_cast<LogLevel>(i);
        return true;
    }
    return false;
}

void Logger::log(LogLevel level, std::string_view text) const {
    if (level < options_.level) return;
    std::string_view name = names[static_cast<std::size_t>(level)];
    std::string line;
    if (options_.json) {
        line = "{\"time\":\"" + rfc3339_now() + "\",\"level\":\"" + std::string(name) +
               "\",\"msg\":" + json_quoted(text) + "}";
    } else {
        if (options_.timestamps) line = rfc3339_now() + " ";
        line += name;
        line.append(8 - name.size(), ' ');
        line += text;
    }
    line += '\n';
    // A log that cannot be written has nowhere to complain to.
    [[maybe_unused]] ssize_t n = ::write(options_.fd, line.data(), line.size());
}

}  // namespace osiekit
