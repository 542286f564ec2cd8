#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace osiekit::server {

struct LogLine {
    std::int64_t time_us = 0;  // microseconds since 1970-01-01 UTC, the machine's clock
    bool error = false;        // it came from standard error
    std::string text;          // any bytes but line feeds
};

// One start of an action, whose lines are counted from 0.
struct LogRun {
    std::string workflow_id;
    std::string action_id;
    std::string action_name;
    std::string run;
};

// Lines of one run that came together.
struct LogRecord {
    std::uint64_t sequence = 0;  // over all workflows; given by the store
    LogRun of;
    std::uint64_t first_line = 0;
    std::vector<LogLine> lines;
};

}  // namespace osiekit::server
