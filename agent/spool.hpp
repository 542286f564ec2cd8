#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

// The output of an action in files: written by its supervisor, followed by whoever is interested,
// now or later. A line is "TIME stdout|stderr F TEXT", as Kubernetes' container logs have it (CRI
// logging format). Files are OUTPUT/000001.log and so on; of a long output the oldest ones go.
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
    std::filesystem::path directory_;
    std::uint64_t file_bytes_;
    std::uint64_t number_ = 0;
    std::uint64_t written_ = 0;  // to the present file
    std::uint64_t pending_lines_ = 0;
    std::uint64_t lost_lines_ = 0;
    std::string pending_;
    Fd file_;
};

class SpoolReader {
  public:
    // `position_file` remembers how far the reading went; missing or damaged: from the beginning.
    SpoolReader(std::filesystem::path directory, std::filesystem::path position_file);

    // Gives all whole lines that are there and not yet given. `on_gap` is called when files are
    // gone that were not read. Then remembers the position.
    void read(const std::function<void(const OutputLine&)>& on_line,
              const std::function<void()>& on_gap);

  private:
    bool read_file(std::uint64_t number, const std::function<void(const OutputLine&)>& on_line);
    std::filesystem::path file_of(std::uint64_t number) const;
    std::filesystem::path directory_;
    std::filesystem::path position_file_;
    std::uint64_t number_ = 1;
    std::uint64_t offset_ = 0;
};

}  // namespace osiekit::agent
