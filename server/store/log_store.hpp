#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "server/model/log.hpp"
#include "server/store/sqlite.hpp"

namespace osiekit::server {

// What is kept of actions' output. Of more, the oldest goes. A line counts with `log_line_overhead`
// beside its text, so that short lines are bounded, too.
inline constexpr std::uint64_t max_workflow_log_bytes = 64ULL << 20U;
inline constexpr std::uint64_t max_total_log_bytes = 1ULL << 30U;
inline constexpr std::uint64_t max_workflow_log_runs = 1000;
inline constexpr std::uint64_t log_line_overhead = 64;

struct LogLimits {
    std::uint64_t workflow_bytes = max_workflow_log_bytes;
    std::uint64_t total_bytes = max_total_log_bytes;
    std::uint64_t workflow_runs = max_workflow_log_runs;
};

// The output of actions: one SQLite file of its own, so that much output does not hold the
// workflows up. What was appended survives a crash of the program, but perhaps not one of the
// machine. Thread safe.
class LogStore {
  public:
    static Result<std::unique_ptr<LogStore>> open(const std::filesystem::path& path,
                                                  LogLimits limits = {});

    // The line that is wanted next; 0 for a run that nothing is known of.
    Result<std::uint64_t> next_line(const LogRun& run);
    // Keeps of `lines`, the first of which is number `first_line`, what is not there yet, and gives
    // the line that is wanted next.
    Result<std::uint64_t> append(const LogRun& run, std::uint64_t first_line,
                                 std::vector<LogLine> lines);
    // The first record of the workflow at or after `from_sequence`; `action_id` empty: of any.
    Result<std::optional<LogRecord>> next_record(const std::string& workflow_id,
                                                 const std::string& action_id,
                                                 std::uint64_t from_sequence);

  private:
    struct Run {
        std::int64_t number = 0;
        std::uint64_t next_line = 0;
    };
    LogStore(Database database, LogLimits limits)
        : database_(std::move(database)), limits_(limits) {}
    Result<std::optional<Run>> find(const LogRun& run);
    Result<Run> make(const LogRun& run);
    Status insert(const LogRun& of, const Run& run, std::uint64_t first_line,
                  const std::vector<LogLine>& lines);
    Status make_room(const std::string& workflow_id);
    Result<bool> remove_oldest(const std::string& workflow_id);
    Result<std::uint64_t> bytes_of(const std::string& workflow_id);

    std::mutex mutex_;
    Database database_;
    LogLimits limits_;
};

// Lines as the store keeps them, one a line: TIME o|e TEXT. Damaged ones are passed over.
std::string encode_log_lines(const std::vector<LogLine>& lines);
std::vector<LogLine> decode_log_lines(std::string_view text);

}  // namespace osiekit::server
