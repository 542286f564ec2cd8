#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace osiekit::agent {

// Cuts a stream of output into lines, at most `max_line_bytes` each: a longer one is given in
// pieces, nothing is lost. A carriage return ends a line too, so that progress bars can be read.
class LineSplitter {
  public:
    static constexpr std::size_t max_line_bytes = 8192;
    explicit LineSplitter(std::function<void(std::string_view line)> on_line)
        : on_line_(std::move(on_line)) {}

    void add(std::string_view bytes) {
        for (char c : bytes) {
            if (c == '\n' || c == '\r') {
                flush();
                continue;
            }
            line_ += c;
            if (line_.size() == max_line_bytes) flush();
        }
    }
    // What stands without an end of line. Empty lines are not given.
    void flush() {
        if (!line_.empty()) on_line_(line_);
        line_.clear();
    }

  private:
    std::function<void(std::string_view)> on_line_;
    std::string line_;
};

}  // namespace osiekit::agent
