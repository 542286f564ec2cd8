#pragma once

#include <atomic>
#include <string_view>

#include "lib/base/log.hpp"

namespace osiekit::init {

// Where PID 1 and its services speak: a line goes to the kernel's log (which shows it on every
// console= and keeps it for dmesg), and to standard error when the kernel would not show it (before
// /dev/kmsg is there, or with "quiet"). Thread safe: one write(2) a line. Never fails, never throws
// but for lack of memory.
class BootLog {
  public:
    BootLog() = default;
    BootLog(const BootLog&) = delete;
    BootLog& operator=(const BootLog&) = delete;
    ~BootLog();

    // Opens /dev/kmsg, and lets the kernel take any number of lines (printk_devkmsg). Call again
    // when /proc is there.
    void open_kernel_log();
    // Shows debug lines too.
    void set_debug(bool on) { debug_ = on; }
    bool debugging() const { return debug_; }

    void debug(std::string_view text) const { write(LogLevel::debug, "osie-init", text); }
    void info(std::string_view text) const { write(LogLevel::info, "osie-init", text); }
    void warning(std::string_view text) const { write(LogLevel::warning, "osie-init", text); }
    void error(std::string_view text) const { write(LogLevel::error, "osie-init", text); }
    // "PREFIX: text"; control characters are made visible; long texts are cut into several lines.
    void write(LogLevel level, std::string_view prefix, std::string_view text) const;

  private:
    int kmsg_ = -1;
    int console_level_ = 7;  // the kernel shows lines below this level
    std::atomic<bool> debug_{false};
};

// Seconds with milliseconds, "4.213 s", of a number of milliseconds.
std::string seconds_text(long long milliseconds);

}  // namespace osiekit::init
