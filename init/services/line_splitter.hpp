#pragma once

#include <string>
#include <string_view>

namespace osiekit::init {

// Cuts a stream into lines. A line longer than `limit` bytes is handed over in pieces, so that no
// program can make PID 1 hold more.
class LineSplitter {
  public:
    static constexpr std::size_t limit = 4096;

    // Calls each(line) for every whole line, without its end.
    template <typename Each>
    void add(std::string_view bytes, Each each) {
        for (char c : bytes) {
            if (c == '\n') {
                flush_line(each);
                continue;
            }
            if (line_.size() == limit) flush_line(each);
            line_ += c;
        }
    }
    // What came without an end of line.
    template <typename Each>
    void finish(Each each) {
        if (!line_.empty()) flush_line(each);
    }

  private:
    template <typename Each>
    void flush_line(Each each) {
        std::string_view line = line_;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        each(line);
        line_.clear();
    }
    std::string line_;
};

}  // namespace osiekit::init
