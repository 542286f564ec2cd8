#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace osiekit {

enum class LogLevel { debug, info, warning, error };

// Where a program's messages go. Programs make one and pass it down; libraries return errors and
// log nothing. A line is "2026-01-31T12:00:00.123Z info  text"; with `json` one object a line
// {"time","level","msg"}. Thread safe: one write(2) a line.
class Logger {
  public:
    struct Options {
        LogLevel level = LogLevel::info;
        bool json = false;
        bool timestamps = true;
        int fd = 2;
    };
    Logger() = default;
    explicit Logger(Options options) : options_(options) {}

    void debug(std::string_view text) const { log(LogLevel::debug, text); }
    void info(std::string_view text) const { log(LogLevel::info, text); }
    void warning(std::string_view text) const { log(LogLevel::warning, text); }
    void error(std::string_view text) const { log(LogLevel::error, text); }
    void log(LogLevel level, std::string_view text) const;
    const Options& options() const { return options_; }

  private:
    Options options_;
};

// "debug", "info", "warning" ("warn"), "error"; false if it is none of them.
bool parse_log_level(std::string_view text, LogLevel& level);

// The present time as RFC 3339 in UTC, with milliseconds.
std::string rfc3339_now();

}  // namespace osiekit
