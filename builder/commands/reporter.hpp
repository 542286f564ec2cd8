#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "builder/cache/fetch.hpp"

namespace osiekit::builder {

// Tells a person on standard error what is going on: on a terminal one line that is rewritten, with
// bytes and rate; elsewhere a line a stage; with `quiet` nothing. Thread safe.
class Reporter {
  public:
    explicit Reporter(bool quiet);

    void stage(std::string_view name);
    void progress(const Progress& progress);
    void warning(std::string_view text);
    // Ends the rewritten line.
    void finish();
    bool terminal() const { return terminal_; }

  private:
    void clear_line();
    void write(const std::string& text) const;

    bool quiet_;
    bool terminal_;
    bool dirty_ = false;  // something stands on the rewritten line
    std::string stage_;
    std::chrono::steady_clock::time_point stage_start_;
    std::chrono::steady_clock::time_point last_;
    std::mutex mutex_;
};

}  // namespace osiekit::builder
