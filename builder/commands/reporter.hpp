#pragma once

#include <unistd.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "builder/cache/fetch.hpp"

namespace osiekit::builder {

// Tells a person on standard error what is going on. On a terminal that is one line which is
// rewritten, with a bar, bytes and rate; elsewhere, as in the log of a CI, a line a stage, and one
// about progress every ten seconds; with `quiet` nothing. Thread safe.
class Reporter {
  public:
    using Clock = std::chrono::steady_clock;
    explicit Reporter(bool quiet, int fd = STDERR_FILENO,
                      std::function<Clock::time_point()> now = Clock::now);
    ~Reporter();
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

    void stage(std::string_view name);
    void progress(const Progress& progress);
    void warning(std::string_view text);
    // Ends the rewritten line; the end of this object does it too.
    void finish();

  private:
    void clear_line();
    void write(const std::string& text) const;

    bool quiet_;
    int fd_;
    std::function<Clock::time_point()> now_;
    bool rewrites_;
    bool dirty_ = false;  // something stands on the rewritten line
    std::string stage_;
    Clock::time_point stage_start_;
    Clock::time_point last_;
    std::mutex mutex_;
};

}  // namespace osiekit::builder
