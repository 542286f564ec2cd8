#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

// The output of an action in files: written by its supervisor, followed by whoever is interested,
// now or later. A line is "TIME stdout|stderr F TEXT", as Kubernetes' container logs have it (CRI
// logging format). A file is named by the number of its first line, from 0, so that a reader of
// OUTPUT/0000000000.log and so on knows what it missed; of a long output the oldest ones go.
namespace osiekit::agent {

inline constexpr std::uint64_t max_spool_file_bytes = 2U << 20U;
inline constexpr std::uint64_t max_spool_files = 8;

struct OutputLine {
    std::string_view time;  // RFC 3339, UTC, microseconds
    bool error = false;     // it came from standard error
    std::string_view text;
};
// Kind invalid_input for anything but such a line (without its end).
Result<OutputLine> parse_output_line(std::string_view line);

class SpoolWriter {
  public:
    // Makes the directory. `file_bytes`: when to begin a new file.
    static Result<SpoolWriter> create(const std::filesystem::path& directory,
                                      std::uint64_t file_bytes = max_spool_file_bytes);
    // Adds a line (no line feed in it); it is in the file after flush().
    void add(bool error, std::string_view text);
    // Never fails: lines that there is no memory for are counted, and told of when there is again.
    void flush();

  private:
    SpoolWriter(std::filesystem::path directory, std::uint64_t file_bytes)
        : directory_(std::move(directory)), file_bytes_(file_bytes) {}
    void rotate();
    std::uint64_t keep_whole_lines(off_t size_before);
    std::filesystem::path directory_;
    std::uint64_t file_bytes_;
    std::deque<std::uint64_t> files_;  // first lines
    std::uint64_t lines_ = 0;          // written, to all files
    std::uint64_t written_ = 0;        // bytes, to the present file
    std::uint64_t pending_lines_ = 0;
    std::uint64_t lost_lines_ = 0;
    std::string pending_;
    Fd file_;
};

class SpoolReader {
  public:
    // `position_file` remembers how far the reading went; missing or damaged: from the beginning.
    // Empty: nothing is remembered.
    SpoolReader(std::filesystem::path directory, std::filesystem::path position_file);

    struct Listener {
        std::function<void(const OutputLine&)> on_line;
        std::function<void(std::uint64_t lines)> on_gap;  // so many were removed unread
    };
    // Gives all whole lines that are there and not yet given. Then remembers the position.
    void read(const Listener& listener);
    // The same for one piece: at most `max_chunk_bytes` with the lines' heads, so fewer of text.
    // False: there is nothing now. Does not remember the position.
    bool read_chunk(const Listener& listener);
    static constexpr std::size_t max_chunk_bytes = 256U << 10U;

    // The number of the line that comes next.
    std::uint64_t next_line() const { return line_; }
    // The next line to give is this one, or the first one after it that is there.
    void go_to(std::uint64_t line);

  private:
    bool read_file(int file, const Listener& listener);
    bool find_next_file(const Listener& listener);
    std::filesystem::path directory_;
    std::filesystem::path position_file_;
    std::uint64_t file_ = 0;    // its first line
    std::uint64_t offset_ = 0;  // in it
    std::uint64_t line_ = 0;    // at the offset
    std::uint64_t wanted_ = 0;  // lines before this one are not given
    std::string buffer_;
};

}  // namespace osiekit::agent
